"""The boards that Heliograph knows, one TOML file each; tools/flash/board_file.py reads them."""
