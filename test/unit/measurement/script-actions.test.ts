import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeContent } from '../../../measurement/content.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { readReference, referenceFile } from '../../../measurement/evidence/reference.ts';
import { scriptActions } from '../../../measurement/evidence/script-actions.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { BOOT_TARGET, bootItems, eventsOf, evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { wrongIn } from '../../lib/verdict.ts';

const ak = new SoftwareAk();
const script = (source: string, name = 'sizes'): MeasuredItem => ({
  event: 'script',
  script: name,
  at: 'before_planning',
  ...describeContent(Buffer.from(source)),
});
const action: MeasuredItem = {
  event: 'script-action',
  script: 'sizes',
  action: 'configure',
  arguments: ['dom0', { memory: '1GiB' }],
};

const expected = [...ITEMS.slice(0, 1), script('as published'), ...ITEMS.slice(1)];

function verify(measured: readonly MeasuredItem[], boot: readonly MeasuredItem[]) {
  const events = eventsOf([...boot, ...bootItems(ak)], { target: BOOT_TARGET });
  const evidence = evidenceOf(eventsOf(measured), ak, events);
  return verifyEvidence(evidence, { nonce: NONCE, pcr: 13, bootPcr: 12, items: expected });
}

test('a measured script that changes something is accepted, and the verdict says what it changed', () => {
  const verdict = verify(expected, [action]);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual(scriptActions(verdict.bootEvents ?? []), [
    'by script sizes: configure "dom0" {"memory":"1GiB"}',
  ]);
});

test('another script, one that is missing and one that nobody expected are named', () => {
  const with_ = (...scripts: MeasuredItem[]) => [
    ...ITEMS.slice(0, 1),
    ...scripts,
    ...ITEMS.slice(1),
  ];
  const [problem] = wrongIn(verify(with_(script('changed')), []));
  assert.match(problem ?? '', /^script sizes differs: digests\.sha256: expected "\w+", measured "/);
  assert.match(wrongIn(verify(ITEMS, [])).join(), /script sizes was not measured/);
  const two = with_(script('as published'), script('more', 'other'));
  assert.match(wrongIn(verify(two, [])).join(), /script other was not expected/);
});

test('a change by a script that was not measured is refused', () => {
  const verdict = verify(expected, [{ ...action, script: 'nobody' }]);
  assert.deepEqual(wrongIn(verdict), ['script nobody changed something, but was not measured']);
});

test('actions do not belong into the log that is predicted, nor scripts into the other', () => {
  assert.match(wrongIn(verify([...expected, action], [])).join(), /script-action was not expected/);
  assert.match(wrongIn(verify(expected, [script('as published')])).join(), /script event, which/);
});

test('a reference names scripts, and no actions', () => {
  const reference = (items: readonly MeasuredItem[]) =>
    readReference(Buffer.from(referenceFile({ pcr: 13, bootPcr: 12, items, pcrs: new Map() })));
  assert.deepEqual(reference(expected).items, expected);
  assert.throws(() => reference([...expected, action]), /nothing that a good boot measures/);
});
