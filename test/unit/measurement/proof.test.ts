import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HashAlgorithm, PcrValues } from 'node-tpm2-pts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { bootNonce, type Evidence } from '../../../measurement/evidence/evidence.ts';
import type { Expectation } from '../../../measurement/evidence/expectation.ts';
import { type GapId, gaps } from '../../../measurement/evidence/verdict.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { withBootQuote } from '../../lib/boot-quote.ts';
import {
  BOOT_TARGET,
  bootItems,
  eventsOf,
  evidenceOf,
  HYPERVISOR_ITEM,
  ITEMS,
  NONCE,
} from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';

/** The key that was enrolled. */
const ak = new SoftwareAk();
const evidence = booted();
const proven: Expectation = {
  ...{ nonce: NONCE, pcr: 13, bootPcr: 12, items: ITEMS, ak: ak.publicArea },
  pcrs: valuesOf(4),
};

/** The platform whose key was enrolled, after a boot that also put `more` into the boot's own log. */
function booted(more: readonly MeasuredItem[] = [], items = ITEMS): Evidence {
  const boot = eventsOf([...more, ...bootItems(ak)], { target: BOOT_TARGET });
  return evidenceOf(eventsOf(items), ak, boot);
}

/** What the platform has in these registers when it started as it should. */
function valuesOf(...pcrs: number[]): PcrValues {
  return mapped((values) => new Map(pcrs.map((pcr) => [pcr, values.get(pcr) as Buffer])));
}

function mapped(
  change: (values: ReadonlyMap<number, Buffer>, bank: HashAlgorithm) => Map<number, Buffer>,
): PcrValues {
  return new Map([...evidence.pcrs].map(([bank, values]) => [bank, change(values, bank)]));
}

/** The same evidence from a TPM that holds other values. */
function holding(pcrs: PcrValues, { bootLog, ...others }: Evidence = evidence): Evidence {
  const logged = [...pcrs.values()].some((values) => values.has(12));
  const quote = ak.quote(pcrs, { nonce: NONCE });
  return { ...others, ...(logged && bootLog ? { bootLog } : {}), pcrs, quote };
}

/** Another kernel was started, and measured what domB measures. */
const otherKernel = holding(
  mapped((values) => new Map([...values, [4, Buffer.alloc(values.get(4)?.length ?? 0, 0x66)]])),
);

test('what was expected in full is proven', () => {
  const verdict = verifyEvidence(evidence, proven);
  assert.deepEqual(wrongIn(verdict), []);
  assert.deepEqual([verdict.outcome, verdict.gaps], ['proven', []]);
});

const secureBoot: MeasuredItem = {
  ...{ event: 'machine-fact', script: 'look', fact: 'secureBoot', value: true },
};
const look: MeasuredItem = {
  ...{ event: 'script', script: 'look', at: 'before_planning', size: 1 },
  digests: { sha256: '00'.repeat(32) },
};
const withScript = [look, ...ITEMS];
const lost: MeasuredItem = { event: 'error', what: 'build vtpm: no memory', domain: 'vtpm' };
const { ak: _, ...noKey } = proven;
const { items: __, ...noItems } = proven;
const { bootPcr: ___, ...noBootLog } = proven;
const zeros = mapped((values) => new Map([[4, Buffer.alloc(values.get(4)?.length ?? 0)]]));
const ones = mapped((values) => new Map([[4, Buffer.alloc(values.get(4)?.length ?? 0, 0xff)]]));

/** What leaves one gap open, and no other. */
const cases: readonly [gap: GapId, how: string, Evidence, Expectation][] = [
  [
    'nonce',
    'a short nonce',
    withNonce(Buffer.alloc(15, 1)),
    { ...proven, nonce: Buffer.alloc(15, 1) },
  ],
  ['nonce', 'the quote of the boot', ofBoot(), { ...proven, nonce: 'boot' }],
  [
    'nonce',
    "the quote of the boot, whose nonce is called the verifier's",
    ofBoot(),
    { ...proven, nonce: bootNonce(evidence) },
  ],
  ['key', 'no enrolled key', evidence, noKey],
  ['items', 'no items', evidence, noItems],
  [
    'boot-log',
    'no boot log, and its register not quoted',
    holding(mapped((values) => new Map([...values].filter(([pcr]) => pcr !== 12)))),
    noBootLog,
  ],
  ['launch-chain', 'nothing of PCR 4', evidence, { ...proven, pcrs: new Map() }],
  ['launch-chain', 'another register in its place', evidence, { ...proven, pcrs: valuesOf(5) }],
  ['launch-chain', 'zeros in PCR 4', holding(merged(zeros)), { ...proven, pcrs: zeros }],
  ['launch-chain', 'ones in PCR 4', holding(merged(ones)), { ...proven, pcrs: ones }],
  ['secure-boot', 'it is expected', evidence, { ...proven, secureBoot: true }],
  [
    'secure-boot',
    'a script was told so',
    booted([secureBoot], withScript),
    { ...proven, items: withScript },
  ],
  ['domains', 'a domain is missing', booted([lost]), proven],
  ['dma', 'Xen let devices reach all memory', under([{ ...HYPERVISOR_ITEM, dma: 'open' }]), proven],
  ['dma', 'a domB that measured nothing of Xen', under([]), proven],
];

/** The same boot, of which that was measured of the hypervisor. */
function under(hypervisor: readonly MeasuredItem[]): Evidence {
  const others = bootItems(ak).filter((item) => item !== HYPERVISOR_ITEM);
  const boot = eventsOf([...hypervisor, ...others], { target: BOOT_TARGET });
  return evidenceOf(eventsOf(ITEMS), ak, boot);
}

function withNonce(nonce: Buffer): Evidence {
  return { ...evidence, quote: ak.quote(evidence.pcrs, { nonce }) };
}

/** What domB itself quoted. */
function ofBoot(): Evidence {
  return withBootQuote(withNonce(bootNonce(evidence)), ak);
}

function merged(other: PcrValues): PcrValues {
  return mapped((values, bank) => new Map([...values, ...(other.get(bank) ?? [])]));
}

for (const [gap, how, given, expected] of cases) {
  test(`one gap open, ${gap}: ${how}`, () => {
    const verdict = verifyEvidence(given, expected);
    assert.deepEqual(wrongIn(verdict), []);
    assert.deepEqual([verdict.outcome, openIn(verdict)], ['unproven', [gap]]);
    const waived = verifyEvidence(given, { ...expected, waived: [gap] });
    assert.equal(waived.outcome, 'proven');
    assert.deepEqual(
      waived.gaps.map((each) => [each.gap, each.waived]),
      [[gap, true]],
    );
    const others = (Object.keys(gaps) as GapId[]).filter((each) => each !== gap);
    assert.equal(verifyEvidence(given, { ...expected, waived: others }).outcome, 'unproven');
  });
}

test('each gap was open once', () => {
  const alone = new Set(cases.map(([gap]) => gap));
  assert.deepEqual(new Set([...alone, 'boot-quote']), new Set(Object.keys(gaps)));
});

test('the quote of a boot without what shows that domB made it: that is a gap beside that of the nonce', () => {
  const expected: Expectation = { ...proven, nonce: 'boot' };
  const { bootQuote: _, ...repeatable } = ofBoot();
  const judged = (...waived: GapId[]) => verifyEvidence(repeatable, { ...expected, waived });
  assert.deepEqual(openIn(judged()), ['nonce', 'boot-quote']);
  assert.equal(judged('nonce').outcome, 'unproven');
  assert.equal(judged('boot-quote').outcome, 'unproven');
  assert.equal(judged('nonce', 'boot-quote').outcome, 'proven');
});

test('PCR 7 that is expected closes the gap of Secure Boot, and must be right', () => {
  const expected = { ...proven, secureBoot: true, pcrs: valuesOf(4, 7) };
  assert.equal(verifyEvidence(evidence, expected).outcome, 'proven');
  const other = merged(mapped((values) => new Map([[7, values.get(4) as Buffer]])));
  const { outcome, findings } = verifyEvidence(holding(other), expected);
  assert.equal(outcome, 'refused');
  assert.deepEqual(
    [...new Set(findings.filter(({ ok }) => !ok).map(({ check }) => check))],
    ['secure-boot'],
  );
});

test('a value in SHA-1 alone closes nothing', () => {
  const sha1 = new Map([...valuesOf(4)].filter(([bank]) => bank === 'sha1'));
  const verdict = verifyEvidence(evidence, { ...proven, pcrs: sha1 });
  assert.deepEqual(wrongIn(verdict), ["PCR 4 can't be compared in any bank beyond SHA-1"]);
  assert.ok(openIn(verdict).includes('launch-chain'));
});

test('no gap that is waived makes anything right that is wrong', () => {
  const waived = Object.keys(gaps) as GapId[];
  const differing = { ...proven, items: ITEMS.slice(1), waived };
  assert.equal(verifyEvidence(evidence, differing).outcome, 'refused');
});

test('a log and a quote that no TPM made, by a key in software, are never proven', () => {
  const forger = new SoftwareAk();
  const boot = eventsOf(bootItems(forger), { target: BOOT_TARGET });
  const forged = evidenceOf(eventsOf(ITEMS), forger, boot);
  // Whatever else is known of the platform, and with somebody else's certificate too.
  for (const given of [forged, { ...forged, ekCertificate: Buffer.from('of another TPM') }]) {
    const verdict = verifyEvidence(given, noKey);
    assert.deepEqual(wrongIn(verdict), []);
    assert.deepEqual([verdict.outcome, openIn(verdict)], ['unproven', ['key']]);
    assert.equal(verifyEvidence(given, proven).outcome, 'refused');
  }
});

test('another kernel on the machine of the enrolled key, with the right PCR 12 and 13, is not proven', () => {
  const expected = verifyEvidence(otherKernel, proven);
  assert.equal(expected.outcome, 'refused');
  assert.match(
    wrongIn(expected).join('\n'),
    /^PCR 4 differs in bank sha256: expected 04.*, quoted 66/m,
  );
  const without = verifyEvidence(otherKernel, { ...proven, pcrs: new Map() });
  assert.deepEqual(wrongIn(without), []);
  assert.deepEqual([without.outcome, openIn(without)], ['unproven', ['launch-chain']]);
});

test('the quote of a boot with nothing to compare is not proven', () => {
  const verdict = verifyEvidence(ofBoot(), {
    ...{ nonce: 'boot', pcr: 13, bootPcr: 12 },
  });
  assert.deepEqual(wrongIn(verdict), []);
  assert.equal(verdict.outcome, 'unproven');
  assert.deepEqual(openIn(verdict), ['nonce', 'key', 'items', 'launch-chain']);
});

test('what another version measured is one finding, and not its many differences', () => {
  const of = (version: string) => [{ event: 'daemon', version } as const, ...ITEMS];
  const expected = { ...proven, items: of('2.0.0') };
  const other = booted([], [...of('1.9.0').slice(0, -2)]);
  const verdict = verifyEvidence(other, { ...expected, predictedBy: '2.0.0' });
  assert.deepEqual(wrongIn(verdict), [
    'measured by domb 1.9.0; this is domb 2.0.0, which cannot know what 1.9.0 measures: use a reference made by 1.9.0',
  ]);
  assert.equal(verdict.compared, undefined);
  // What somebody else computed is compared as it is, and so is what this version measured.
  assert.equal(wrongIn(verifyEvidence(other, expected)).length, 3);
  const same = verifyEvidence(booted([], of('2.0.0')), { ...expected, predictedBy: '2.0.0' });
  assert.equal(same.outcome, 'proven');
});
