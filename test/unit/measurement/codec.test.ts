import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, TpmFormatError, Writer } from 'node-tpm2-pts';

test('what the writer writes, the reader reads', () => {
  const bytes = new Writer()
    .u8(1)
    .u16(0x0203)
    .u32(0x04050607)
    .u64(0x08090a0b0c0d0e0fn)
    .sized(Buffer.from('ab'))
    .list([7, 8], (item, to) => to.u8(item))
    .toBuffer();
  assert.equal(bytes.toString('hex'), '0102030405060708090a0b0c0d0e0f00026162000000020708');
  const reader = new Reader(bytes, 'test');
  assert.equal(reader.u8('a'), 1);
  assert.equal(reader.u16('b'), 0x0203);
  assert.equal(reader.u32('c'), 0x04050607);
  assert.equal(reader.u64('d'), 0x08090a0b0c0d0e0fn);
  assert.equal(reader.sized('e').toString(), 'ab');
  assert.equal(reader.count('f', 2), 2);
  assert.deepEqual([...reader.rest()], [7, 8]);
  reader.end();
});

test('lengths and counts are checked before they are used', () => {
  const refuse = (hex: string, read: (reader: Reader) => void, message: RegExp) =>
    assert.throws(
      () => read(new Reader(Buffer.from(hex, 'hex'), 'answer')),
      (error) => error instanceof TpmFormatError && message.test(error.message),
    );
  refuse('00', (r) => r.u16('x'), /^answer: at byte 0: x needs 2 bytes, 1 are left$/);
  refuse('0005aa', (r) => r.sized('name'), /name needs 5 bytes, 1 are left/);
  refuse('0003aabbcc', (r) => r.sized('name', 2), /name has 3 bytes, at most 2/);
  refuse('ffffffff', (r) => r.count('items', 8), /4294967295 items, at most 8/);
  refuse('00', (r) => r.end(), /1 bytes too many/);
});
