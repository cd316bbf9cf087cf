import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HashAlgorithm, hashId } from 'node-tpm2-pts';
import type { LogEvent } from '../../../measurement/event-log/format.ts';
import { encodeStartupLocality } from '../../../measurement/event-log/replay.ts';
import { firmwareDifferences } from '../../../measurement/evidence/firmware-differences.ts';
import {
  eventValues,
  type FirmwareEvent,
  firmwareEvents,
} from '../../../measurement/evidence/firmware-events.ts';
import {
  firmwareReferenceFile,
  learnFirmware,
  readFirmwareReference,
  UNPREDICTABLE_PCRS,
} from '../../../measurement/evidence/firmware-reference.ts';
import { firmwareOf, flipped, foreignFirmware } from '../../lib/firmware-logs.ts';

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
const LOCALITY: LogEvent = {
  ...{ pcr: 0, type: 3, digests: new Map(), data: encodeStartupLocality(3) },
};
/** A machine whose firmware came by an H-CRTM. */
const machine = (() => {
  const { events, banks } = foreignFirmware('cos-101');
  return firmwareOf([LOCALITY, ...events], banks);
})();
const learned = learnFirmware(machine.events, ALL);
const allOf = (events: readonly LogEvent[]) => firmwareEvents(events, new Set(ALL));

const differences = (changed: readonly LogEvent[]) =>
  ALL.flatMap((pcr) => firmwareDifferences(pcr, learned.events, allOf(changed)));

describe('a reference of firmware', () => {
  for (const name of ['cos-101', 'rhel8', 'arch-workstation', 'startup-locality-and-sp800-155']) {
    test(`gives the values of ${name}, and comes back from its file in one form only`, () => {
      const { events, banks, pcrs } = foreignFirmware(name);
      const reference = learnFirmware(events, UNPREDICTABLE_PCRS);
      assert.deepEqual([...reference.pcrs.keys()].sort(), [...banks].sort());
      for (const [bank, values] of reference.pcrs) {
        assert.deepEqual([...values.keys()].sort(), UNPREDICTABLE_PCRS);
        for (const [pcr, value] of values) assert.deepEqual(value, pcrs.get(bank)?.get(pcr));
      }
      const file = firmwareReferenceFile(reference);
      assert.match(file, /^[\x20-\x7e]+\n$/);
      const read = readFirmwareReference(Buffer.from(file));
      assert.deepEqual(read.events, reference.events);
      assert.equal(firmwareReferenceFile(read), file);
    });
  }

  test('keeps where TPM2_Startup came from, of the events that extend nothing', () => {
    const still = learned.events.filter(({ type }) => type === 'EV_NO_ACTION');
    assert.deepEqual(
      still.map(({ pcr, locality, text }) => [pcr, locality, text]),
      [[0, 3, 'TPM2_Startup came from locality 3']],
    );
  });

  test('says of texts that nobody measured that they are unproven', () => {
    const texts = (type: string) =>
      learned.events.filter((event) => event.type === type).map(({ text }) => text);
    assert.ok(texts('EV_EFI_VARIABLE_DRIVER_CONFIG').includes('SecureBoot: on'));
    for (const text of texts('EV_EFI_BOOT_SERVICES_APPLICATION')) assert.match(text, /^unproven: /);
    for (const text of texts('EV_SEPARATOR')) assert.doesNotMatch(text, /unproven/);
  });

  test('is not learned of registers that hold nothing', () => {
    const without = (pcr: number) => machine.events.filter((event) => event.pcr !== pcr);
    assert.throws(() => learnFirmware(without(3), ALL), /PCR 3 is empty: nothing was measured/);
    const started = [LOCALITY, ...without(0)];
    assert.throws(() => learnFirmware(started, ALL), /PCR 0 is empty/);
    const sha1 = machine.events.map((event) => ({
      ...event,
      digests: new Map([...event.digests].slice(0, 1)),
    }));
    assert.throws(() => learnFirmware(sha1, ALL), /no bank beyond SHA-1/);
    assert.throws(() => learnFirmware([], ALL), /no bank beyond SHA-1/);
  });

  test('is refused when anything in it is something else', () => {
    const good = JSON.parse(firmwareReferenceFile(learned));
    const [first, second] = good.events;
    const cases: [object, RegExp][] = [
      [{ format: 'domb-reference' }, /no domb-firmware-reference/],
      [{ version: 2 }, /version 2, only 1/],
      [{ extra: 1 }, /unknown member "extra"/],
      [{ events: {} }, /events is no list/],
      [{ events: [] }, /no value in a bank beyond SHA-1/],
      [{ events: good.events.slice(1) }, /pcrs are not what the events give/],
      [{ events: good.events.toReversed() }, /./],
      [{ events: [{ ...second, pcr: 8 }] }, /event 0 is none of the firmware's/],
      [{ events: [{ ...second, pcr: '0' }] }, /event 0 is none/],
      [{ events: [{ ...second, extra: 1 }] }, /event 0 is none/],
      [{ events: [{ ...second, type: 'x' }] }, /event 0 is none/],
      [{ events: [{ ...second, text: '\u001b' }] }, /event 0 is none/],
      [{ events: [{ ...second, digests: {} }] }, /event 0 is none/],
      [{ events: [{ ...second, digests: { sha256: 'AA' } }] }, /event 0 is none/],
      [{ events: [{ ...second, digests: { md5: 'aa' } }] }, /event 0 is none/],
      [{ events: [{ ...first, locality: 256 }] }, /event 0 is none/],
      [{ events: [{ ...first, pcr: 1 }] }, /event 0 is none/],
      [{ events: [null] }, /event 0 is none/],
      [{ pcrs: {} }, /pcrs are not what/],
      [{ pcrs: { ...good.pcrs, sha256: {} } }, /pcrs are not what/],
    ];
    for (const [change, message] of cases) {
      const text = JSON.stringify({ ...good, ...change });
      assert.throws(() => readFirmwareReference(Buffer.from(text)), message, text.slice(0, 200));
    }
    for (const text of ['', 'null', '[]', '{', '\xff']) {
      assert.throws(() => readFirmwareReference(Buffer.from(text, 'latin1')), /no JSON object/);
    }
  });
});

describe('differences from it', () => {
  test('are none for the same machine', () => assert.deepEqual(differences(machine.events), []));

  test('every single bit of every learned event: its value differs, and the event is named', () => {
    const places = new Map<number, number>();
    let mutants = 0;
    const missed = (index: number, changed: FirmwareEvent, place: number, bank?: HashAlgorithm) => {
      const events = learned.events.with(index, changed);
      const { pcr } = changed;
      const lines = firmwareDifferences(pcr, learned.events, events);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.ok(lines[0]?.startsWith(`PCR ${pcr}: event ${place} ${changed.type} differs: `));
      if (mutants++ % 50 !== 0) return;
      for (const each of bank === undefined ? machine.banks : [bank]) {
        const value = eventValues(events).get(each)?.get(pcr);
        assert.notDeepEqual(value, learned.pcrs.get(each)?.get(pcr));
      }
    };
    for (const [index, event] of learned.events.entries()) {
      const place = (places.get(event.pcr) ?? 0) + 1;
      places.set(event.pcr, place);
      const { locality } = event;
      if (locality !== undefined) {
        for (let bit = 1; bit < 256; bit *= 2) {
          missed(index, { ...event, locality: locality ^ bit }, place);
        }
      }
      for (const [bank, value] of event.digests) {
        // A third of them, others from event to event.
        for (let bit = index % 3; bit < 8 * value.length; bit += 3) {
          const digests = new Map([...event.digests, [bank, flipped(value, bit)] as const]);
          missed(index, { ...event, digests }, place, bank);
        }
      }
    }
    assert.ok(mutants > 7000, `${mutants}`);
  });

  test('events that are new, missing, exchanged or otherwise', () => {
    const of4 = machine.events.filter(({ pcr }) => pcr === 4);
    const [first, second, third] = of4;
    assert.ok(first && second && third);
    const replaced = (...changed: LogEvent[]) => [
      ...machine.events.filter(({ pcr }) => pcr !== 4),
      ...changed,
    ];
    const other: LogEvent = {
      ...{ pcr: 4, type: 0x80000003, data: Buffer.alloc(0) },
      digests: new Map([...first.digests].map(([id, value]) => [id, flipped(value, 9)])),
    };
    const [, ...rest] = of4;
    assert.deepEqual(
      differences(replaced(...rest)).map((line) => line.replace(/: sha256.*/, '')),
      ['PCR 4: event 1 EV_EFI_ACTION is missing'],
    );
    const lines = differences(replaced(first, other, ...rest));
    const hex = other.digests.get(hashId('sha256'))?.toString('hex').slice(0, 16);
    assert.deepEqual(lines, [
      `PCR 4: event 2 EV_EFI_BOOT_SERVICES_APPLICATION is new: sha256:${hex}…`,
    ]);
    const [, ...others] = rest;
    assert.deepEqual(
      differences(replaced(second, first, ...others)).map((line) => line.replace(/: sha256.*/, '')),
      ['PCR 4: event 1 EV_EFI_ACTION is missing', 'PCR 4: event 2 EV_EFI_ACTION is new'],
    );
    assert.deepEqual(
      differences(replaced(first, other, third)).map((line) => line.replace(/: sha256.*/, '')),
      [
        'PCR 4: event 2 EV_SEPARATOR is missing',
        'PCR 4: event 2 EV_EFI_BOOT_SERVICES_APPLICATION is new',
        ...of4.slice(3).map((event, i) => {
          const [named] = firmwareEvents([event], new Set([4]));
          return `PCR 4: event ${i + 4} ${named?.type} is missing`;
        }),
      ],
    );
  });

  test('of a log with thousands of events are few lines, and found in no time', () => {
    const many = Array.from(
      { length: 5000 },
      (_, i): LogEvent => ({
        ...(machine.events.at(-1) as LogEvent),
        digests: new Map([[hashId('sha256'), Buffer.alloc(32, i)]]),
        pcr: 1,
      }),
    );
    const start = process.threadCpuUsage();
    const lines = firmwareDifferences(1, learned.events, allOf([...machine.events, ...many]));
    assert.equal(lines.length, 25);
    assert.match(lines.at(-1) ?? '', /^PCR 1: \d+ more events differ$/);
    assert.ok(process.threadCpuUsage(start).user < 2_000_000);
  });

  test('are not made up where no bank is common', () => {
    const sha512 = machine.events.map((event) => ({
      ...event,
      digests: new Map([[hashId('sha512'), Buffer.alloc(64)]]),
    }));
    assert.deepEqual(differences(sha512), []);
  });
});
