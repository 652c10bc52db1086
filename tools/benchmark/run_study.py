"""What compare_methods.py was called up to release 0.2; it takes the same arguments."""

import sys

from compare_methods import main

if __name__ == '__main__':
    sys.exit(main())
