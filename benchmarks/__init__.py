"""Programs that measure; run one with `./dev bench NAME`, or all of them."""
