import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { verdictJson } from '../../../cli/verdict-json.ts';
import { verdictText } from '../../../cli/verdict-text.ts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { bootNonce } from '../../../measurement/evidence/evidence.ts';
import type { Expectation } from '../../../measurement/evidence/expectation.ts';
import { checks, gaps } from '../../../measurement/evidence/verdict.ts';
import { verdictOnDamage, verifyEvidence } from '../../../measurement/evidence/verify.ts';
import {
  type GuestVerdict,
  guestChecks,
  guestGaps,
} from '../../../measurement/guest-tpm/guest-verdict.ts';
import { withBootQuote } from '../../lib/boot-quote.ts';
import { file } from '../../lib/domb.ts';
import { BOOT_TARGET, bootItems, eventsOf, evidenceOf, ITEMS, NONCE } from '../../lib/evidence.ts';
import { assertShape } from '../../lib/json-shape.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';

const ak = new SoftwareAk();
const EXPECTED: Expectation = { nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS };
const script: MeasuredItem = {
  ...{ event: 'script', script: 'sizes', at: 'before_planning', size: 1 },
  digests: { sha256: '00'.repeat(32) },
};
const byScript: readonly MeasuredItem[] = [
  { event: 'machine-fact', script: 'sizes', fact: 'secureBoot', value: true },
  { event: 'script-action', script: 'sizes', action: 'keepPaused', arguments: ['vtpm'] },
];
const lost: MeasuredItem = { event: 'error', what: 'build vtpm: no memory', domain: 'vtpm' };
const failed: MeasuredItem = { event: 'error', what: 'no such image' };
const rescue: MeasuredItem = {
  ...{ event: 'domain', domain: 'rescue', domid: 0, type: 'pv', role: 'recovery' },
  ...{ seclabel: 'system_u:system_r:dom0_t', capabilities: ['hardware'] },
};
const identity: MeasuredItem = {
  ...{ event: 'identity', domain: 'rescue', domid: 0 },
  uuid: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11',
};

/** A platform whose TPM went through these items. */
function booted(items: readonly MeasuredItem[], ofBoot: readonly MeasuredItem[] = []) {
  const boot = eventsOf([...ofBoot, ...bootItems(ak)], { target: BOOT_TARGET });
  return evidenceOf(eventsOf(items), ak, boot);
}

const pcrs = booted(ITEMS).pcrs;
const proven = { ...EXPECTED, ak: ak.publicArea, pcrs: only(4) };

/** The value that the tests' platforms have in this register. */
function only(pcr: number): typeof pcrs {
  return new Map(
    [...pcrs].map(([bank, values]) => [bank, new Map([[pcr, values.get(pcr) as Buffer]])]),
  );
}

function judged(
  expected: Partial<Expectation>,
  items: readonly MeasuredItem[] = ITEMS,
  ofBoot: readonly MeasuredItem[] = [],
) {
  const made = booted(items, ofBoot);
  const nonce = expected.nonce === 'boot' ? bootNonce(made) : NONCE;
  const evidence = { ...withBootQuote(made, ak), quote: ak.quote(made.pcrs, { nonce }) };
  const verdict = verifyEvidence(evidence, { ...proven, ...expected });
  return { json: verdictJson(verdict, evidence), text: verdictText(verdict) };
}

const withScript = [script, ...ITEMS];
/** No platform at all, and what a guest says of itself. */
const nothing = { outcome: 'unproven', findings: [], gaps: [], notes: [] } as const;
const alone: GuestVerdict = {
  ...{ outcome: 'unproven', domain: 'ledger' },
  findings: [{ check: 'guest-quote', ok: true, says: 'guest: signature' }],
  gaps: [{ gap: 'guest-platform', says: 'nothing shows it', hint: 'show it' }],
  notes: ['its own registers'],
};
const verdicts = {
  proven: judged({}),
  'waived in part': judged({ nonce: 'boot', waived: ['nonce'] }),
  scripts: judged({ items: withScript }, withScript, byScript),
  'a domain missing': judged({}, ITEMS, [lost]),
  recovery: judged({}, [rescue, ...ITEMS, failed], [identity]),
  damaged: { json: verdictJson(verdictOnDamage('no file'), undefined), text: '' },
  'a guest alone': {
    json: verdictJson(nothing, undefined, alone),
    text: verdictText(nothing, alone),
  },
};

test('all that verify writes as JSON fits the published schema, and is documented', () => {
  const schema = JSON.parse(readFileSync(file('docs/verdict.schema.json'), 'utf8'));
  const valid = new Ajv2020({ strict: true }).compile(schema);
  for (const [name, { json }] of Object.entries(verdicts)) {
    assert.ok(valid(JSON.parse(json)), `${name}: ${JSON.stringify(valid.errors)}`);
  }
  const { outcome: _, ...without } = JSON.parse(verdicts.proven.json);
  assert.ok(!valid(without));
  const other = JSON.parse(verdicts.proven.json);
  other.findings[0].check = 'fashion';
  assert.ok(!valid(other));
  const differing = judged({ items: ITEMS.slice(1) });
  assertShape(
    'verify',
    [...Object.values(verdicts), differing].map(({ json }) => json),
  );
});

test('docs/verifying.md has every check and every gap, with its meaning', () => {
  const page = readFileSync(file('docs/verifying.md'), 'utf8');
  const rows = (heading: string) => {
    const section = page.split(`### ${heading}\n`)[1]?.split('\n### ')[0] ?? '';
    return [...section.matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)].map(([, id, says]) => [id, says]);
  };
  assert.deepEqual(rows('Checks'), Object.entries({ ...checks, ...guestChecks }));
  assert.deepEqual(rows('Gaps'), Object.entries({ ...gaps, ...guestGaps }));
});

test('the last line is the outcome, in plain words', () => {
  const last = ({ text }: { text: string }) => text.trimEnd().split('\n').at(-1);
  assert.equal(last(verdicts.proven), 'PROVEN: what was expected is what booted');
  assert.equal(last(verdicts['waived in part']), 'PROVEN, with what was waived: nonce');
  assert.equal(
    last(judged({ nonce: 'boot', pcrs: new Map(), waived: ['nonce'] })),
    'NOT PROVEN: nothing is wrong, and a lie could still come through: launch-chain',
  );
  assert.equal(last(judged({ nonce: Buffer.from('0') })), 'REFUSED: 1 thing is wrong');
  assert.equal(
    last(verdicts['a guest alone']),
    'NOT PROVEN: nothing is wrong, and a lie could still come through: guest-platform',
  );
});

test('what scripts did, which domain is missing and that a boot ended in recovery are in the text', () => {
  const { scripts, recovery, 'a domain missing': missing } = verdicts;
  assert.match(scripts.text, /^seen {9}by script sizes: secureBoot true$/m);
  assert.match(scripts.text, /^changed {6}by script sizes: keepPaused "vtpm"$/m);
  assert.match(
    scripts.text,
    /^gap {10}secure-boot: Secure Boot was on, a boot script was told, and/m,
  );
  assert.match(missing.text, /^ok {11}boot: it came to its end, with dom0$/m);
  assert.match(missing.text, /^missing {6}vtpm: build vtpm: no memory$/m);
  assert.match(missing.text, /^gap {10}domains: the boot went on without vtpm; /m);
  assert.match(recovery.text, /^WRONG {8}the boot failed: no such image$/m);
  assert.match(recovery.text, /^WRONG {8}the boot ended in its recovery domain rescue$/m);
  assert.deepEqual(JSON.parse(recovery.json).boot, {
    ...{ end: 'recovery', built: ['rescue'], missing: [] },
  });
});
