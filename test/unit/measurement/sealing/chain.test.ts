import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digest, type HashAlgorithm, hashId } from 'node-tpm2-pts';
import { MeasurementError } from '../../../../measurement/errors.ts';
import { extend, initialValue } from '../../../../measurement/event-log/replay.ts';
import { predict } from '../../../../measurement/predict.ts';
import { type ChainGap, chainValues } from '../../../../measurement/sealing/chain.ts';
import {
  type ExpectedState,
  referenceState,
} from '../../../../measurement/sealing/expected-state.ts';
import { GUEST_ITEMS, ITEMS } from '../../../lib/evidence.ts';

const bank: HashAlgorithm = 'sha256';
const PCR4 = digest(bank, Buffer.from('what firmware starts'));
const PCR7 = digest(bank, Buffer.from('keys of Secure Boot'));

const firmware = (values: Record<number, Buffer>, of: HashAlgorithm = bank) =>
  new Map([[of, new Map(Object.entries(values).map(([pcr, value]) => [Number(pcr), value]))]]);

function state(values: Record<number, Buffer>, more: Partial<ExpectedState> = {}): ExpectedState {
  const reference = { pcr: 13, bootPcr: 12, items: ITEMS, pcrs: firmware(values) };
  return { ...referenceState(reference, bank, 'p.reference'), ...more };
}

const chain = (from: ExpectedState, without: ChainGap[] = [], pcrs?: number[]) =>
  chainValues(from, { bank, pcrs, without: new Set(without) });
const registers = (...given: Parameters<typeof chain>) => [
  ...(chain(...given)
    .get(bank)
    ?.keys() ?? []),
];

function refuses(what: RegExp, ...given: Parameters<typeof chain>): void {
  assert.throws(
    () => chain(...given),
    (error) => {
      assert.ok(error instanceof MeasurementError && error.hint !== '', String(error));
      assert.match(error.message, /^p\.reference: /);
      assert.match(error.message, what);
      return true;
    },
  );
}

test('the whole chain: PCR 4, PCR 7 where it is known, and the registers of domB', () => {
  assert.deepEqual(registers(state({ 4: PCR4 })), [4, 13]);
  assert.deepEqual(registers(state({ 4: PCR4, 7: PCR7 })), [4, 7, 13]);
  // Others that a reference knows are there for who names them.
  assert.deepEqual(registers(state({ 0: PCR7, 4: PCR4 })), [4, 13]);
  assert.deepEqual(registers(state({ 0: PCR7, 4: PCR4 }), [], [13, 4, 0, 4]), [0, 4, 13]);
  const values = chain(state({ 4: PCR4 })).get(bank);
  assert.deepEqual(values?.get(4), PCR4);
  assert.deepEqual(
    values?.get(13),
    predict(ITEMS, { pcr: 13, banks: [bank] })
      .pcrs.get(bank)
      ?.get(13),
  );
});

test('with those of domains; one of them can be left out', () => {
  const reference = {
    pcr: 13,
    bootPcr: 12,
    items: [...ITEMS, ...GUEST_ITEMS],
    pcrs: firmware({ 4: PCR4 }),
  };
  const guests = referenceState(reference, bank, 'p.reference');
  assert.deepEqual(registers(guests), [4, 13, 14]);
  assert.deepEqual(registers(guests, [], [4, 13]), [4, 13]);
  refuses(/PCR 13, which the manifest is measured into, is not among/, guests, [], [4, 14]);
});

test('what domB measures alone is refused, unless the gap is named', () => {
  const why = /PCR 4, what firmware starts, has no known value in bank sha256: any other kernel/;
  refuses(why, state({}));
  refuses(why, state({ 7: PCR7 }));
  refuses(why, state({}), ['secure-boot']);
  refuses(/PCR 4, what firmware starts, is left out/, state({ 4: PCR4 }), [], [13]);
  assert.deepEqual(registers(state({}), ['launch-chain']), [13]);
  assert.deepEqual(registers(state({ 4: PCR4 }), ['launch-chain']), [13]);
  const other = state({ 4: PCR4 }, { firmware: firmware({ 4: digest('sha384', PCR4) }, 'sha384') });
  refuses(why, other);
});

test('PCR 7 belongs to it where Secure Boot is claimed, or its value known', () => {
  refuses(
    /PCR 7, .*has no known value in bank sha256, though/,
    state({ 4: PCR4 }, { secureBoot: true }),
  );
  refuses(/PCR 7, .*is left out/, state({ 4: PCR4, 7: PCR7 }), [], [4, 13]);
  assert.deepEqual(registers(state({ 4: PCR4 }, { secureBoot: true }), ['secure-boot']), [4, 13]);
  assert.deepEqual(registers(state({ 4: PCR4, 7: PCR7 }), ['secure-boot']), [4, 13]);
});

test('registers that protect nothing are refused', () => {
  const zeros = Buffer.alloc(32);
  const ones = Buffer.alloc(32, 0xff);
  const separator = extend(bank, initialValue(bank, 4), digest(bank, Buffer.alloc(4)));
  refuses(/PCR 4 is empty: all zeros/, state({ 4: zeros }));
  refuses(/PCR 4 is all ones/, state({ 4: ones }));
  refuses(/PCR 4 is empty: nothing but firmware's separator/, state({ 4: separator }));
  refuses(/PCR 7 is empty: all zeros/, state({ 4: PCR4, 7: zeros }));
  refuses(/PCR 8 is unmeasured: no event of bank sha256/, state({ 4: PCR4 }), [], [4, 8, 13]);
  refuses(/PCR 12 is another one at each boot/, state({ 4: PCR4 }), [], [4, 12, 13]);
  for (const pcr of [16, 17, 23]) {
    const resettable = state({ 4: PCR4, [pcr]: PCR7 });
    refuses(new RegExp(`PCR ${pcr} can be reset`), resettable, [], [4, 13, pcr]);
  }
});

test('a register without its cap is refused, also where a reference says its value', () => {
  const open = predict(ITEMS, { pcr: 13, banks: [bank] }, { capped: false });
  const uncapped = state({ 4: PCR4 }, { events: open.events, measured: open.pcrs });
  refuses(/the value of PCR 13 is one without its cap/, uncapped);
  const before = open.pcrs.get(bank)?.get(13) as Buffer;
  refuses(
    /its value of PCR 13 .* is not the one that its items give, with the cap/,
    state({ 4: PCR4, 13: before }),
  );
  // More behind the cap is another state, too.
  const { events } = state({ 4: PCR4 });
  const more = [...events, { ...(events[0] as (typeof events)[number]), pcr: 13 }];
  refuses(/without its cap/, state({ 4: PCR4 }, { events: more }));
  assert.ok(events.every((event) => event.digests.has(hashId(bank))));
});
