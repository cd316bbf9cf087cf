import type { HashAlgorithm } from 'node-tpm2-pts';
import type { LogEvent } from '../../../../measurement/event-log/format.ts';
import type { Evidence } from '../../../../measurement/evidence/evidence.ts';
import type { Expectation } from '../../../../measurement/evidence/expectation.ts';
import { learnFirmware } from '../../../../measurement/evidence/firmware-reference.ts';
import { type ForeignFirmware, firmwareOf, foreignFirmware } from '../../../lib/firmware-logs.ts';
import { expected, type Forgery, flipped, genuine, quoting } from './forgery.ts';

/** Firmware with Secure Boot on; its banks are those of the other evidence. */
const machine = foreignFirmware('cos-101');
/** The machine with other firmware, in PCR 0: what whoever has the machine may make it measure. */
const altered = firmwareOf(
  machine.events.map((event) => (event.pcr === 0 ? withOtherDigests(event) : event)),
  machine.banks,
);

function withOtherDigests(event: LogEvent): LogEvent {
  return {
    ...event,
    digests: new Map([...event.digests].map(([id, value]) => [id, flipped(value)])),
  };
}

/** Evidence of a platform that this firmware started, with its log or what is given as such. */
function startedBy({ pcrs, log }: ForeignFirmware, firmwareLog: Buffer = log): Evidence {
  const values = [...genuine.pcrs].map(([bank, held]): [HashAlgorithm, Map<number, Buffer>] => [
    bank,
    new Map([...held, ...(pcrs.get(bank) ?? [])]),
  ]);
  return { ...quoting(new Map(values)), firmwareLog };
}

const learned = learnFirmware(machine.events, [0, 1, 2, 3, 4, 5, 6, 7]);
const expecting = (): Expectation => ({
  ...expected,
  pcrs: learned.pcrs,
  firmwareEvents: learned.events,
});
/** Learned of all registers but PCR 7. */
const withoutKeys = (): Expectation => {
  const { secureBoot: _, ...rest } = expected;
  return { ...rest, pcrs: learnFirmware(machine.events, [0, 1, 2, 3, 4, 5, 6]).pcrs };
};

/** The SecureBoot variable's last byte, its value, set to 0: digests stay. */
function saysOff(events: readonly LogEvent[]): LogEvent[] {
  const name = Buffer.from('SecureBoot', 'utf16le');
  return events.map((event) =>
    event.pcr === 7 && event.data.includes(name)
      ? { ...event, type: 0x6, data: flipped(event.data, event.data.length - 1) }
      : event,
  );
}

/** About what a log of firmware may make up, and what was learned of one. */
export const firmwareLogForgeries: readonly Forgery[] = [
  {
    name: 'other firmware shows the log of the learned one',
    has: 'another system on the platform',
    forged: () => startedBy(altered, machine.log),
    under: expecting,
    ends: 'refused: firmware-log',
  },
  {
    name: 'other firmware shows its own log',
    has: 'another system on the platform',
    forged: () => startedBy(altered),
    under: expecting,
    ends: 'refused: firmware',
  },
  {
    name: "firmware's log denies that Secure Boot was on, with the digest left as it was",
    has: 'the files',
    forged: () => startedBy(machine, firmwareOf(saysOff(machine.events), machine.banks).log),
    under: withoutKeys,
    ends: 'unproven: secure-boot',
  },
];
