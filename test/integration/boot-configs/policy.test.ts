/** Reads policies that the real compiler made. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { policyChecks } from '../../../boot-configs/checks/labels/policy-checks.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { contextFault } from '../../../boot-configs/policy/contexts.ts';
import { readFlaskPolicy } from '../../../boot-configs/policy/policy.ts';
import { PolicyFormatError } from '../../../boot-configs/policy/policy-reader.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { buildPolicy } from '../../../platform/policy/build.ts';
import { Random } from '../../fuzz/random.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-policy-'));
after(() => rmSync(directory, { recursive: true }));

const source = `
class xen
class domain
sid xen
sid dom0
class xen { op other }
class domain { create }
attribute all_types;
type a_t, all_types;
type b_t;
type c_t;
role system_r;
role system_r types { a_t b_t };
role other_r;
role other_r types c_t;
allow a_t a_t:xen op;
user system_u roles { system_r };
user other_u roles { other_r };
constrain domain { create } (u1 == u2 or t1 == { a_t b_t });
sid xen system_u:system_r:a_t
sid dom0 system_u:system_r:b_t
`;

function compile(version: number, text = source, target = 'Xen'): Buffer {
  const input = join(directory, 'policy.conf');
  const output = join(directory, `policy.${version}`);
  writeFileSync(input, text);
  execFileSync('checkpolicy', ['-t', target, '-c', String(version), '-o', output, input], {
    stdio: 'pipe',
  });
  return readFileSync(output);
}

for (const version of [24, 30]) {
  test(`version ${version}: contexts are valid as the policy says`, () => {
    const policy = readFlaskPolicy(compile(version));
    assert.equal(contextFault(policy, 'system_u:system_r:a_t'), undefined);
    assert.equal(contextFault(policy, 'other_u:other_r:c_t'), undefined);
    assert.equal(contextFault(policy, 'system_u:object_r:c_t'), undefined);
    const faults = {
      'nobody_u:system_r:a_t': 'the policy has no user "nobody_u"',
      'system_u:no_r:a_t': 'the policy has no role "no_r"',
      'system_u:system_r:no_t': 'the policy has no type "no_t"',
      'system_u:system_r:all_types': 'the policy has no type "all_types"',
      'system_u:other_r:c_t': 'the policy does not give user "system_u" the role "other_r"',
      'system_u:system_r:c_t': 'the policy does not give role "system_r" the type "c_t"',
    };
    for (const [label, fault] of Object.entries(faults)) {
      assert.equal(contextFault(policy, label), fault);
    }
  });

  test(`version ${version}: a policy cut off before its users end, or changed, breaks nothing`, () => {
    const bytes = compile(version);
    const random = new Random(version);
    const users = bytes.lastIndexOf('other_u');
    for (let length = 0; length < users; length++) {
      assert.throws(() => readFlaskPolicy(bytes.subarray(0, length)), PolicyFormatError);
    }
    for (let run = 0; run < 3000; run++) {
      const changed = Buffer.from(bytes);
      for (let changes = 1 + random.below(4); changes > 0; changes--) {
        changed[random.below(changed.length)] = random.below(256);
      }
      try {
        contextFault(readFlaskPolicy(changed), 'system_u:system_r:a_t');
      } catch (error) {
        if (!(error instanceof PolicyFormatError)) throw error;
      }
    }
  });
}

test('what is no policy for Xen is refused by name', () => {
  assert.throws(() => readFlaskPolicy(Buffer.from('hello world')), /not a compiled policy/);
  const other = compile(30);
  other.write('SE Linux', 8);
  assert.throws(() => readFlaskPolicy(other), /not made for Xen/);
  const newer = compile(30);
  newer.writeUInt32LE(31, 16);
  assert.throws(() => readFlaskPolicy(newer), /version 31; 24 and 30 can be read/);
  const mls = compile(30);
  mls.writeUInt32LE(1, 20);
  assert.throws(() => readFlaskPolicy(mls), /MLS/);
});

test('our policy knows the labels of every example, and not a misspelt one', async () => {
  const checks = policyChecks(readFlaskPolicy(readFileSync(await buildPolicy())));
  const examples = new URL('../../../boot-configs/', import.meta.url);
  for (const name of readdirSync(examples).filter((each) => each.endsWith('.yaml'))) {
    const text = readFileSync(new URL(name, examples), 'utf8');
    loadManifest(Buffer.from(text), name, checks);
    assert.throws(
      () => loadManifest(Buffer.from(text.replace('dom0_t', 'dmo0_t')), name, checks),
      (error) => error instanceof ManifestError && /did you mean "\S+:dom0_t"/.test(error.message),
    );
  }
});
