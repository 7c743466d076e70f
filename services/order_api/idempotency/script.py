"""The script that runs inside Redis: any number of claims and settlements in one call, in order.

Two arguments in, all lengths and all bytes, and out one string with a letter an operation, followed by the records that were found: a
reply to five hundred fresh orders is a single string, which costs the client nothing to parse.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

Operation: TypeAlias = tuple[int, bytes, bytes, bytes, bytes]
"""Kind, key, record or command, owner key, account."""

CHECK: Final = 0
"""Claim; the order named by the owner key must be the account's, or unknown."""
PLACE: Final = 1
"""Claim; the account becomes the order's owner."""
WRITE: Final = 2
"""Settle: the record replaces the claim."""
RELEASE: Final = 3
"""Settle: the claim goes, if the command is still the one in it, and so does the ownership."""

_pack: Final = msgspec.msgpack.Encoder().encode


def packed(operations: Sequence[Operation]) -> tuple[bytes, bytes]:
    """The first two arguments. (The unpacker inside Redis knows numbers, but not the type of bytes.)"""
    numbers: list[int] = []
    parts: list[bytes] = []
    for kind, key, value, owner_key, account in operations:
        numbers += (kind, len(key), len(value), len(owner_key), len(account))
        parts += (key, value, owner_key, account)
    return _pack(numbers), b"".join(parts)


SCRIPT: Final = """
local numbers, bytes = cmsgpack.unpack(ARGV[1]), ARGV[2]
local now, patience, ttl = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local call, sub = redis.call, string.sub
local letters, reply = {}, {''}
local at = 1
local function take(length)
  at = at + length
  return sub(bytes, at - length, at - 1)
end
for i = 1, #numbers, 5 do
  local kind = numbers[i]
  local key, value = take(numbers[i + 1]), take(numbers[i + 2])
  local owner_key, account = take(numbers[i + 3]), take(numbers[i + 4])
  local letter = 'n'
  if kind <= 1 then
    local owner = kind == 0 and owner_key ~= '' and call('GET', owner_key)
    if owner and owner ~= account then
      letter = 'f'
    elseif key ~= '' then
      local found = call('SET', key, value, 'NX', 'GET', 'EX', ttl)
      if found then
        if sub(found, 1, 1) == 'D' then
          letter = 'd'
        elseif now - tonumber(sub(found, 2, 14)) <= patience then
          letter = 'p'
        else
          letter = 'o'
          call('SETRANGE', key, 1, sub(value, 2, 14))
        end
        reply[#reply + 1] = found
      end
    end
    if letter == 'n' and kind == 1 and owner_key ~= '' then
      call('SET', owner_key, account, 'EX', ttl)
    end
  elseif kind == 2 then
    call('SET', key, value, 'EX', ttl)
  else
    local found = key ~= '' and call('GET', key)
    if found and sub(found, 38) == value then call('DEL', key) end
    if owner_key ~= '' then call('DEL', owner_key) end
  end
  letters[#letters + 1] = letter
end
reply[1] = table.concat(letters)
return reply
"""
