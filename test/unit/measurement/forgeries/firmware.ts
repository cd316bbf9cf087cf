import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest, hashId, type PcrValues } from 'node-tpm2-pts';
import { EVENT_TYPE, type LogEvent } from '../../../../measurement/event-log/format.ts';
import { type Evidence, FIRMWARE_PCRS } from '../../../../measurement/evidence/evidence.ts';
import { secureBootData } from '../../../../measurement/firmware/pcr7.ts';
import { TARGET } from '../../../lib/evidence.ts';
import { firmwareOf, foreignFirmware } from '../../../lib/firmware-logs.ts';
import { expected, type Forgery, flipped, genuine, only, quoting } from './forgery.ts';

/** What firmware measures, with digests that fit. */
const event = (pcr: number, data: Buffer, type = 0x80000001): LogEvent => ({
  ...{ pcr, type, data },
  digests: new Map(TARGET.banks.map((bank) => [hashId(bank), digest(bank, data)])),
});
const events = [
  ...FIRMWARE_PCRS.map((pcr) => event(pcr, Buffer.from(`firmware's part of PCR ${pcr}`))),
  event(7, secureBootData(true)),
];
const machine = firmwareOf(events, TARGET.banks);

/** The registers of such a machine, with domB's. */
const registers: PcrValues = new Map(
  [...genuine.pcrs].map(([bank, values]) => [
    bank,
    new Map([...values, ...(machine.pcrs.get(bank) ?? [])]),
  ]),
);

/** The genuine evidence of a machine whose firmware left a log. */
export const genuineWithFirmware: Evidence = {
  ...quoting(registers),
  firmwareLog: machine.log,
};
export const expectedOfFirmware = { ...expected, pcrs: only(registers, [4, 7]) };

const under = () => expectedOfFirmware;
const beside = (firmwareLog: Buffer) => ({ ...genuineWithFirmware, firmwareLog });
const stored = (name: string) =>
  readFileSync(join(import.meta.dirname, `../../../logs/${name}.bin`));
const logOf = (...made: LogEvent[]) => firmwareOf(made, TARGET.banks).log;

/** Firmware's logs that are not of what is quoted. */
export const firmwareForgeries: readonly Forgery[] = [
  {
    name: "rubbish in the place of firmware's log",
    has: 'the files',
    forged: () => beside(Buffer.alloc(3000, 0xa5)),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'an empty log of firmware',
    has: 'the files',
    forged: () => beside(Buffer.alloc(0)),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: "another machine's",
    has: 'the files',
    forged: () => beside(foreignFirmware('cos-101').log),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one in the form that has SHA-1 alone',
    has: 'the files',
    forged: () => beside(stored('uefi-sha1-format')),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: "a confidential virtual machine's",
    has: 'the files',
    forged: () => beside(stored('ccel-tdx')),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one without an event',
    has: 'the files',
    forged: () => beside(logOf(...events.slice(1))),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one with an event more',
    has: 'the files',
    forged: () => beside(logOf(...events, event(4, Buffer.from('another program')))),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one that says Secure Boot is off, where it is on',
    has: 'the files',
    forged: () => beside(logOf(...events.slice(0, -1), event(7, secureBootData(false)))),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one with one bit of its last digest changed',
    has: 'the files',
    forged: () =>
      beside(flipped(machine.log, machine.log.length - secureBootData(true).length - 5)),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one that was cut off',
    has: 'the files',
    forged: () => beside(machine.log.subarray(0, -1)),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one with rubbish behind it',
    has: 'the files',
    forged: () => beside(Buffer.concat([machine.log, Buffer.alloc(32)])),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: "one with events of domB's register",
    has: 'the files',
    forged: () => beside(logOf(...events, event(13, Buffer.from('x')))),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'one that starts the TPM from another locality',
    has: 'the files',
    forged: () =>
      beside(
        logOf(event(0, Buffer.from('StartupLocality\0\x03'), EVENT_TYPE.NO_ACTION), ...events),
      ),
    under,
    ends: 'refused: firmware-log',
  },
  {
    name: 'Secure Boot on under unknown keys, for a verifier who expects nothing of PCR 7',
    has: 'another system on the platform',
    forged: () => genuineWithFirmware,
    under: () => ({ ...expectedOfFirmware, secureBoot: false, pcrs: only(registers, [4]) }),
    ends: 'unproven: secure-boot',
  },
];
