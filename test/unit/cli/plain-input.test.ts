import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInput } from '../../../cli/arguments.ts';
import { plainInput } from '../../../cli/bundled/plain-input.ts';
import { namedCommand } from '../../../cli/command-lookup.ts';

test('a plain command line asks what it asks of the whole command', () => {
  for (const line of [
    'validate a.yaml',
    'validate -',
    'validate b.yaml --quiet a.yaml',
    'validate -q --json a.yaml',
    'validate --json --json json',
  ]) {
    const words = line.split(' ');
    const named = namedCommand(words);
    assert.ok(named);
    assert.deepEqual(plainInput(words), parseInput(named.command, named.rest), line);
  }
});

test('every other one is left to the whole command, also where it is wrong', () => {
  for (const line of [
    '',
    'plan a.yaml',
    'validate',
    'validate --quiet',
    'validate --help a.yaml',
    'validate a.yaml -h',
    'validate -qq a.yaml',
    'validate --quiet=yes a.yaml',
    'validate --images . a.yaml',
    'validate -- a.yaml',
    'validate constructor -x',
  ]) {
    assert.equal(plainInput(line.split(' ')), undefined, line);
  }
  assert.deepEqual(plainInput(['validate', 'constructor'])?.arguments, ['constructor']);
});
