"""What a process says when it asks for its turn, for both ends of the socket: it needs no pytest."""

import struct

PLACE = struct.Struct("!II")  # which benchmark, and which call of it, counted from 0
BEHIND_ALL = 2**32 - 1  # in the place of a call: none is left
