import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { readFlaskPolicy } from '../../../boot-configs/policy/policy.ts';
import { buildPolicy } from '../../../platform/policy/build.ts';
import { disagreements } from '../../boot/hostile/agreement.ts';

test('the policy, as domb policy why explains it, agrees with every attempt of the hostile domains', async () => {
  const policy = readFlaskPolicy(await readFile(await buildPolicy()));
  assert.deepEqual(disagreements(policy), []);
});
