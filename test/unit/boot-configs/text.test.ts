import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceText } from '../../../boot-configs/yaml/source-text.ts';
import { dom0, found, guest, manifest, refused } from './support.ts';

test('positions count lines and columns from 1', () => {
  const source = new SourceText('f', 'ab\n\ncd');
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((offset) => Object.values(source.position(offset)).join(':')),
    ['1:1', '1:2', '1:3', '2:1', '3:1', '3:2', '3:3'],
  );
});

test('the caret stands under the first character, its tail ends with the line', () => {
  const source = new SourceText('f', 'a: b\nkey: value\n');
  assert.equal(source.excerpt(10, 15), '  2 | key: value\n           ^~~~~');
  assert.equal(source.excerpt(10, 99), '  2 | key: value\n           ^~~~~');
  assert.equal(source.excerpt(10, 10), '  2 | key: value\n           ^');
});

test('a long line is shown around the caret', () => {
  const excerpt = new SourceText('f', `${'x'.repeat(500)}HERE${'y'.repeat(500)}`).excerpt(500, 504);
  const [line = '', caret = ''] = excerpt.split('\n');
  assert.ok(line.length < 120);
  assert.equal(line.slice(caret.indexOf('^'), caret.length), 'HERE');
});

test('what a manifest says can not steer the terminal', () => {
  const value = refused(manifest(dom0 + guest({ cmdline: '"\u202eevil" # \ud83d\ude00' })));
  const unknown = refused(manifest(`${dom0}\n    "\\e[2J\u202e": 1`));
  for (const { message } of [value, unknown]) assert.match(message, /^[ -~\n]*$/);
});

test('a byte order mark and CRLF line ends are accepted and do not shift positions', () => {
  const text = `\ufeff${manifest(dom0.replace('512MiB', '512'))}`.replaceAll('\n', '\r\n');
  assert.deepEqual(found(text), ['6:13 wrong-type domains[0].memory']);
});

test('bytes that are no text are refused', () => {
  assert.deepEqual(found(Uint8Array.of(0x76, 0xff, 0xfe)), ['1:1 not-text']);
  assert.deepEqual(found(new Uint8Array(2 ** 20 + 1)), ['1:1 not-text']);
  for (const character of ['\0', '\x1b', '\x7f', '\x85', '\r']) {
    assert.deepEqual(found(`version: 2\n# ${character}x`), ['2:3 yaml-limits']);
  }
});
