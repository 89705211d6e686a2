"""The examples of the documents this project comes from, as they are printed there."""

from __future__ import annotations

import re

STORE = """\
import kachery_client as kc

# You need to be running a kachery daemon.
# If you want to share these data with remote
# computers, then your kachery node must be
# configured to provide files on some channel,
# and the remote computers must be configured
# to request files on that channel.

# {first_word} some text
uri = kc.store_text('some-random-text')
print(uri)
# Output: sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt

# Later on retrieve the text by its content URI
txt = kc.load_text('sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt')
print(txt)
# Output: some-random-text

# Similarly, you can store/share json-able Python dicts,
# numpy arrays, or pickle-able Python objects
import numpy as np
uri_dict = kc.store_json({{'a': [1, 2, {{'b': 3}}]}})
uri_npy = kc.store_npy(np.ones((10, 20)))
uri_pkl = kc.store_pkl({{'x': np.zeros((30, 40))}})

# And retrieve then at a later time
X_dict = kc.load_json(uri_dict)
X_npy = kc.load_npy(uri_npy)
X_pkl = kc.load_pkl(uri_pkl)
"""
LOAD = """\
import kachery_client as kc

# Run this on a remote machine.

# You need to be running a kachery daemon,
# and your kachery node must be configured
# to request files on the channel containing
# the file.

txt = kc.load_text('sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt')
print(txt)
# Output: some-random-text
"""
BLOCKS = {
    "kachery-client-sharing-data.md": [STORE.format(first_word="Store"), LOAD],
    "kachery-readme.md": [STORE.format(first_word="Share"), LOAD],
}
# From "Sharing data between workstations using Python", without its remarks about channels.
WRITING = """\
from typing import List, Set
import kachery_client as kc

def prime_sieve(n: int):
    is_composite: Set[int] = set()
    primes: List[int] = []
    for j in range(2, n + 1):
        if not j in is_composite:
            primes.append(j)
            for k in range(j * j, n + 1, j):
                is_composite.add(k)
    return primes

feed = kc.create_feed()
subfeed = feed.load_subfeed('primes')

N = 100
primes = prime_sieve(N)
for i, p in enumerate(primes):
    subfeed.append_message({
        'p': p,
        'n': i + 1
    })

print(f'Found {len(primes)} prime numbers less than {N}')
print(subfeed.uri)
"""
READING = """\
import kachery_client as kc

subfeed = kc.load_subfeed('feed://c21cfca1b54ba841a7cbf35685b5a62db73ed16b7c3f50f2fa1f9e1fce9b9cef/primes')
messages = subfeed.get_next_messages()
for msg in messages:
    print(f'Prime {msg["n"]}: {msg["p"]}')
"""
PRINTED_URI = re.search(r"feed://\w+/primes", READING)[0]
PRIMES = [number for number in range(2, 100) if all(number % k for k in range(2, number))]


def printed(block: str) -> list[str]:
    """What a block says it prints."""
    return re.findall(r"^# Output: (.*)$", block, re.MULTILINE)
