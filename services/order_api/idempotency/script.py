"""The script that runs inside Redis: any number of claims and settlements in one call, in order.

One packed argument in, and out one string with a letter an operation, followed by the records that were found: a
reply to five hundred fresh orders is a single string, which costs the client nothing to parse.
"""

from typing import Final, TypeAlias

Operation: TypeAlias = tuple[int, bytes, bytes, bytes, str]
"""Kind, key, record or command, owner key, account."""

CHECK: Final = 0
"""Claim; the order named by the owner key must be the account's, or unknown."""
PLACE: Final = 1
"""Claim; the account becomes the order's owner."""
WRITE: Final = 2
"""Settle: the record replaces the claim."""
RELEASE: Final = 3
"""Settle: the claim goes, if the command is still the one in it, and so does the ownership."""

SCRIPT: Final = """
local operations = cmsgpack.unpack(ARGV[1])
local now, patience, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local call, sub = redis.call, string.sub
local letters, reply = {}, {''}
for i = 1, #operations do
  local operation = operations[i]
  local kind, key, value, owner_key = operation[1], operation[2], operation[3], operation[4]
  local letter = 'n'
  if kind <= 1 then
    local owner = kind == 0 and owner_key ~= '' and call('GET', owner_key)
    if owner and owner ~= operation[5] then
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
      call('SET', owner_key, operation[5], 'EX', ttl)
    end
  elseif kind == 2 then
    call('SET', key, value, 'EX', ttl)
  else
    local found = key ~= '' and call('GET', key)
    if found and sub(found, 38) == value then call('DEL', key) end
    if owner_key ~= '' then call('DEL', owner_key) end
  end
  letters[i] = letter
end
reply[1] = table.concat(letters)
return reply
"""
