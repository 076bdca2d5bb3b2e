"""Many records at a time, judged by the core: what is to the byte as it writes them.

Whatever is not is left to those who read JSON and public keys of any form, and who can
say what is wrong with it.
"""

from pairsmith._core import judge_lines, judge_public_keys, repeated_digests

__all__ = ["judge_lines", "judge_public_keys", "repeated_digests"]
