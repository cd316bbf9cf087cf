import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PcrValues, TPM_RH, TPMA_OBJECT } from 'node-tpm2-pts';
import type { BootQuote } from '../../../measurement/evidence/boot-key.ts';
import { bootQuoteProblems } from '../../../measurement/evidence/boot-quote.ts';
import { bootNonce, type Evidence } from '../../../measurement/evidence/evidence.ts';
import type { Expectation } from '../../../measurement/evidence/expectation.ts';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import {
  type BootQuoteChanges,
  beforeCaps,
  bootQuoteOf,
  withBootQuote,
} from '../../lib/boot-quote.ts';
import {
  BOOT_TARGET,
  bootItems,
  eventsOf,
  evidenceOf,
  GUEST_ITEMS,
  GUEST_PCR,
  ITEMS,
  NONCE,
} from '../../lib/evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';

const AK = new SoftwareAk();
const EVIDENCE = evidenceOf(
  eventsOf([...ITEMS, ...GUEST_ITEMS]),
  AK,
  eventsOf(bootItems(AK), { target: BOOT_TARGET }),
);
const BEFORE = beforeCaps(EVIDENCE).pcrs;

function problems(bootQuote: BootQuote, evidence: Evidence = EVIDENCE): string {
  const log = readMeasurementLog(evidence.log);
  const bootLog = evidence.bootLog && readMeasurementLog(evidence.bootLog);
  return bootQuoteProblems({ evidence, bootQuote, log, bootLog }).join('\n');
}

const changed = (changes: BootQuoteChanges) => problems(bootQuoteOf(EVIDENCE, AK, changes));

/** Without one register, in all banks or in one. */
const without = (pcr: number, pcrs: PcrValues = BEFORE): PcrValues =>
  new Map(
    [...pcrs].map(([bank, values]) => [
      bank,
      new Map([...values].filter(([each]) => each !== pcr)),
    ]),
  );

test('a true boot quote has no problems, also where guests have a register of their own', () => {
  assert.equal(changed({}), '');
  const all = evidenceOf(eventsOf(ITEMS), AK);
  const plain = { ...all, pcrs: without(GUEST_PCR, all.pcrs) };
  assert.equal(problems(bootQuoteOf(plain, AK), plain), '');
  const { bootLog: _, ...rest } = plain;
  const alone = { ...rest, pcrs: without(BOOT_TARGET.pcr, plain.pcrs) };
  assert.equal(problems(bootQuoteOf(alone, AK), alone), '');
});

test('values of after the caps: what dom0 can quote with a key of its own', () => {
  const after = { policy: EVIDENCE.pcrs, quoted: EVIDENCE.pcrs };
  assert.match(changed(after), /not bound to the registers as they were before the caps/);
  assert.match(changed({ quoted: EVIDENCE.pcrs }), /quoted PCR values differ/);
});

test('a policy that leaves out a register, or is about another bank', () => {
  for (const pcr of [0, 4, 7, 12, 13, 14]) {
    assert.match(changed({ policy: without(pcr) }), /not bound to the registers/, `PCR ${pcr}`);
    assert.match(changed({ quoted: without(pcr) }), /not quoted/, `PCR ${pcr}`);
  }
  const other = new Map([...BEFORE].filter(([bank]) => bank === 'sha384'));
  assert.match(changed({ policy: other }), /not bound to the registers/);
  assert.match(changed({ quoted: other }), /not quoted: sha1:0/);
  assert.match(
    changed({ change: (area) => ({ ...area, authPolicy: Buffer.alloc(0) }) }),
    /not bound to the registers/,
  );
});

test('a key that can be used without its policy, or outside of a TPM, or signs anything', () => {
  for (const bit of ['USER_WITH_AUTH', 'ADMIN_WITH_POLICY', 'DECRYPT', 'FIXED_TPM'] as const) {
    const change = (area: { attributes: number }) => area.attributes ^ TPMA_OBJECT[bit];
    assert.match(
      changed({ change: (area) => ({ ...area, attributes: change(area) }) }),
      /may be used otherwise than by its policy/,
      bit,
    );
  }
  const signing = { scheme: 'ecdsa', hash: 'sha384' } as const;
  assert.match(
    changed({ change: (area) => ({ ...area, key: { ...area.key, signing } as never }) }),
    /of another kind/,
  );
});

test('a key that outlives the reset of the TPM', () => {
  for (const parent of [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM]) {
    assert.match(changed({ parent }), /object is in another place/);
  }
});

test('a certification by another key, of another key, or cut', () => {
  assert.match(changed({ certifier: new SoftwareAk() }), /certification refused: the signature/);
  const [one, other] = [bootQuoteOf(EVIDENCE, AK), bootQuoteOf(EVIDENCE, AK)];
  assert.match(problems({ ...one, certification: other.certification }), /about another object/);
  assert.match(
    problems({ ...one, certification: EVIDENCE.quote }),
    /certification refused: it is of type quote/,
  );
  const { attest, signature } = one.certification;
  for (const cut of [
    { attest: attest.subarray(0, -1), signature },
    { attest, signature: signature.subarray(0, -1) },
    { attest: Buffer.alloc(0), signature: Buffer.alloc(0) },
  ]) {
    assert.notEqual(problems({ ...one, certification: cut }), '');
  }
});

test('another quote: by the attestation key, of another key, with other logs', () => {
  const [one, other] = [bootQuoteOf(EVIDENCE, AK), bootQuoteOf(EVIDENCE, AK)];
  const { pcrs, nonce } = beforeCaps(EVIDENCE);
  assert.match(problems({ ...one, quote: AK.quote(pcrs, { nonce }) }), /signature does not match/);
  assert.match(problems({ ...one, quote: other.quote }), /signature does not match/);
  const foreign = { nonce: Buffer.alloc(32) };
  assert.match(changed({ quote: foreign }), /quote refused: the nonce/);
  assert.match(changed({ certification: foreign }), /certification refused: the nonce/);
});

test('another boot of the same TPM: other counts, or other values', () => {
  assert.match(
    changed({ certification: { resetCount: 7 } }),
    /^the boot quote is of another boot: reset count 7 there, 1 in the quote$/,
  );
  assert.match(
    changed({ certification: { restartCount: 2 } }),
    /resumed or restarted .* 2 there, now 0/,
  );
  const other = evidenceOf(eventsOf([...ITEMS, ...GUEST_ITEMS]), AK);
  assert.match(problems(bootQuoteOf(other, AK)), /not bound to the registers/);
});

test("firmware's registers: extended since, or not quoted", () => {
  const extended = new Map([...EVIDENCE.pcrs].map(([bank, values]) => [bank, new Map(values)]));
  extended.get('sha256')?.set(4, Buffer.alloc(32, 0xee));
  assert.match(
    problems(bootQuoteOf(EVIDENCE, AK), { ...EVIDENCE, pcrs: extended }),
    /not bound to the registers/,
  );
  const left = { ...EVIDENCE, pcrs: without(4, EVIDENCE.pcrs) };
  assert.match(problems(bootQuoteOf(EVIDENCE, AK), left), /PCR 4 is not quoted in bank sha1/);
});

test('no flipped bit in any of the five files is accepted, and none crashes', () => {
  const truth = bootQuoteOf(EVIDENCE, AK);
  const flip = (bytes: Buffer, bit: number) => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return copy;
  };
  const parts: [Buffer, (bytes: Buffer) => BootQuote][] = [
    [truth.key, (key) => ({ ...truth, key })],
    ...(['certification', 'quote'] as const).flatMap((kind) =>
      (['attest', 'signature'] as const).map((part): [Buffer, (bytes: Buffer) => BootQuote] => [
        truth[kind][part],
        (bytes) => ({ ...truth, [kind]: { ...truth[kind], [part]: bytes } }),
      ]),
    ),
  ];
  for (const [bytes, make] of parts) {
    for (let bit = 0; bit < 8 * bytes.length; bit += 23) {
      assert.notEqual(problems(make(flip(bytes, bit))), '', `bit ${bit} of ${bytes.length} bytes`);
    }
  }
});

test('the verdict: a gap of the quote of the boot, a note of a fresh one, a finding where it is there', () => {
  const nonce = bootNonce(EVIDENCE);
  const ofBoot = { ...EVIDENCE, quote: AK.quote(EVIDENCE.pcrs, { nonce }) };
  const judged = (evidence: Evidence, expected: Partial<Expectation> = {}) =>
    verifyEvidence(evidence, { nonce: NONCE, pcr: 13, bootPcr: 12, ...expected });
  for (const given of ['boot', nonce] as const) {
    const bare = judged(ofBoot, { nonce: given });
    assert.ok(openIn(bare).includes('boot-quote'));
    assert.deepEqual(wrongIn(bare), []);
    assert.ok(!openIn(judged(withBootQuote(ofBoot, AK), { nonce: given })).includes('boot-quote'));
  }
  const fresh = judged(EVIDENCE);
  assert.ok(!openIn(fresh).includes('boot-quote'));
  assert.match(fresh.notes.join('\n'), /^the boot quote: there is none/m);

  const found = (evidence: Evidence) =>
    judged(evidence).findings.filter(({ check }) => check === 'boot-quote');
  const says = 'boot quote: made before the hand-over, in the boot after reset 1';
  assert.deepEqual(found(withBootQuote(EVIDENCE, AK)), [{ check: 'boot-quote', ok: true, says }]);
  assert.deepEqual(found(EVIDENCE), []);
  const other = bootQuoteOf(EVIDENCE, AK, { certification: { resetCount: 7 } });
  assert.deepEqual(
    found({ ...EVIDENCE, bootQuote: other }).map(({ ok }) => ok),
    [false],
  );
  assert.equal(judged({ ...EVIDENCE, bootQuote: other }).outcome, 'refused');
});
