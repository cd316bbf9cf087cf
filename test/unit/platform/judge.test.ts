import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadManifest } from '../../../boot-configs/load.ts';
import { ManifestError } from '../../../boot-configs/problems.ts';
import { allSubjects, judge, questionsFor } from '../../../platform/demo/judge.ts';
import { serviceJudgements } from '../../../platform/demo/own-images.ts';
import { GUEST_NAME, questions } from '../../../platform/demo/questions.ts';
import { domainJudgements } from '../../../platform/judge/domains.ts';
import type { ObservedPlatform } from '../../../platform/judge/observed.ts';
import { Answers } from '../../../platform/machine/answers.ts';

const root = join(import.meta.dirname, '../../..');
const example = (name: string) => readFileSync(join(root, 'boot-configs', `${name}.yaml`), 'utf8');

const listing = (standby: string) => `
Name                                        ID   Mem VCPUs	State	Time(s)   Security Label
Domain-0                                     0   768     2     r-----      29.0 system_u:system_r:dom0_t
standby                                     20    96     2     ${standby}       0.0 system_u:system_r:domU_t
driver                                   32528    96     1     -b----      24.3 system_u:system_r:driver_t
`;
const uuid = '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11';

const nothing = { domains: [], abandoned: [] };

function observed(answers: Record<string, string>, record: object = nothing): ObservedPlatform {
  const given = new Answers();
  for (const [name, output] of Object.entries(answers)) given.add(name, { output, status: 0 });
  return {
    manifest: loadManifest(Buffer.from(example('driver-domain')), 'driver-domain.yaml'),
    ...{ bootDomid: 0x7fef, bootDomainMiB: 768, predicted: new Map(), consoleText: '' },
    verdict: { outcome: 'refused', findings: [] } as unknown as ObservedPlatform['verdict'],
    answers: given,
    record: record as ObservedPlatform['record'],
    isOwnImage: () => true,
  };
}

test('what dom0 was not asked cannot be judged, and so never holds', () => {
  for (const name of allSubjects) {
    const asked = questionsFor([name]);
    for (const missing of asked) {
      const others = asked.filter((question) => question !== missing);
      const answers = Object.fromEntries(others.map((question) => [question, '']));
      // Of the quote, the verdict is judged; it is made from the answer before.
      if (missing === 'handover') continue;
      assert.throws(
        () => judge(observed(answers), [name]),
        new RegExp(`dom0 was not asked "${missing}"`),
        `${name} without ${missing}`,
      );
    }
    assert.ok(
      judge(observed(Object.fromEntries(asked.map((each) => [each, '']))), [name]).length > 0,
    );
  }
});

test('dom0 is asked what is judged, once and in order, and no more', () => {
  assert.deepEqual(questionsFor(['predicted', 'log replays', 'domains']), [
    'xl-list',
    'pcrs',
    'eventlog',
  ]);
  assert.deepEqual(questionsFor(['denials'], ['pcrs']), ['pcrs']);
});

test('a TPM that gave no values is said to have given none, and why', () => {
  const platform = observed({ eventlog: '' });
  const output = 'tpm tpm0: Operation Timed out\nERROR: Unable to run tpm2_pcrread';
  platform.answers.add('pcrs', { output, status: 1 });
  for (const { ok, detail } of judge(platform, ['log replays', 'predicted'])) {
    assert.equal(ok, false);
    assert.match(detail, /TPM nothing: "pcrs" ended with status 1, .* \| ERROR: Unable to run/);
  }
});

test('a domain that the manifest keeps paused must be paused, and need not have said anything', () => {
  const judged = (state: string) =>
    domainJudgements(observed({ 'xl-list': listing(state) })).find(({ name }) =>
      /paused/.test(name),
    );
  assert.deepEqual(judged('--p---'), {
    name: 'standby stays paused',
    ok: true,
    detail: 'state --p---',
  });
  assert.equal(judged('-b----')?.ok, false);
  assert.deepEqual(
    serviceJudgements(observed({})).map(({ name }) => name),
    ['driver says that it works'],
  );
});

test('a domain that a boot script kept paused need not have said anything either', () => {
  const domains = [{ domid: 0x7f10, uuid, autostart: false }];
  assert.deepEqual(serviceJudgements(observed({}, { ...nothing, domains })), []);
});

test('nor need one that the boot went on without', () => {
  const abandoned = [{ domid: 0x7f10 }];
  assert.deepEqual(serviceJudgements(observed({}, { ...nothing, abandoned })), []);
});

test("no manifest can give a domain the name of the demo's own guest", () => {
  const named = example('demo').replace('name: vtpm', `name: ${GUEST_NAME}`);
  assert.throws(() => loadManifest(Buffer.from(named), 'demo.yaml'), ManifestError);
  assert.match(questions['guest-create'], new RegExp(`^name = "${GUEST_NAME}"$`, 'm'));
});

test("the demo's dom0 destroys by the domid that its guest got, never by a name", () => {
  const scripts = Object.values(questions).join('\n');
  assert.deepEqual(scripts.match(/xl destroy .*/g), ['xl destroy "$guest"']);
});

test('what a guest of the same dom0 leaves is told from an operator’s domain', () => {
  const row = `${GUEST_NAME}     1   128     1     -b----       1.0 system_u:system_r:domU_t\n`;
  const seen = {
    ...{ 'guest-create': '', 'guest-list': listing('--p---') + row },
    ...{ 'guest-console': `guest ${GUEST_NAME}: alive`, 'guest-destroy': '' },
    'list-after': `${listing('--p---')}small  7  128  1  -b----  1.0 system_u:system_r:domU_t\n`,
  };
  const ok = (answers: Record<string, string>) =>
    judge(observed(answers), ['guest created', 'guest destroyed']).map((one) => one.ok);
  assert.deepEqual(ok(seen), [true, true]);
  assert.deepEqual(ok({ ...seen, 'guest-list': listing('--p---') }), [false, true]);
  assert.deepEqual(ok({ ...seen, 'list-after': row }), [true, false]);
});
