"""`python -m secret_sauce_hf`, and so `accelerate launch -m secret_sauce_hf`: the same as `secret-sauce`."""

from secret_sauce_hf.cli.root import main

if __name__ == "__main__":
    main()
