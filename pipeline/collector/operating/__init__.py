"""Operations on a collector in this process: what the control API asks of it."""
