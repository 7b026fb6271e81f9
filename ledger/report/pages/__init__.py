"""The model as pages of words, tables and charts, whatever renders them."""
