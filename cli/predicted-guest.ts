import { join } from 'node:path';
import { hashId, hashSize } from 'node-tpm2-pts';
import type { DomainSettings, Manifest } from '../boot-configs/manifest.ts';
import { predictGuest } from '../daemon/plan/prediction.ts';
import { type VtpmBank, vtpmBanksIn } from '../domains/vtpm-banks.ts';
import { eventLines, eventsJson, wholeLog } from '../measurement/formats/event-listing.ts';
import { LAUNCH_PCRS } from '../measurement/guest-launch.ts';
import { requiredValue } from './arguments.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { manifestSource } from './manifest-input.ts';

/** The options of `domb predict` that say something about a guest. */
const answered = ['guest', 'uuid', 'images', 'key', 'json'];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `domb predict MANIFEST --guest NAME`: the events of the guest's own TPM, and what its registers then hold. */
export async function showGuest(
  file: string,
  input: Input,
  terminal: Terminal,
): Promise<ExitStatus> {
  const { values, flags } = input;
  const other = [...flags, ...values.keys()].find((name) => !answered.includes(name));
  if (other !== undefined) {
    throw new UsageError(`--${other} is about the platform, not about a guest`, 'leave it out');
  }
  const uuid = values.get('uuid');
  if (uuid !== undefined && !UUID.test(uuid)) {
    throw new UsageError(
      `"${uuid}" is no UUID`,
      'write it as /sys/hypervisor/uuid in the guest has it, in small letters',
    );
  }
  const directory = requiredValue(input, 'images');
  const read = await manifestSource(input, terminal);
  const { manifest, hashed } = await read(file);
  const guest = guestIn(manifest, values.get('guest') ?? '');
  const banks = banksOf(manifest, guest);
  const findImage = (path: string): string => join(directory, path);
  const { events } = await failing(() =>
    predictGuest({ manifest, hashed, findImage, banks, uuid, guest: guest.name }),
  );
  const algorithms = banks.map((name) => ({ id: hashId(name), size: hashSize(name), name }));
  const log = wholeLog({ algorithms, events });
  if (flags.has('json')) terminal.write(`${JSON.stringify(eventsJson(log), null, 2)}\n`);
  else {
    terminal.write([...eventLines(log)].join(''));
    if (uuid === undefined) {
      terminal.write(`PCR ${LAUNCH_PCRS.boot} has the UUID of one boot: name it with --uuid\n`);
    }
  }
  return 0;
}

function guestIn({ domains }: Manifest, name: string): DomainSettings {
  const guest = domains.find((domain) => domain.name === name);
  if (guest?.vtpm !== undefined) return guest;
  const guests = domains.flatMap((domain) => (domain.vtpm === undefined ? [] : [domain.name]));
  throw new Failure(
    `${guest === undefined ? 'there is no domain' : 'the manifest gives no vTPM to'} ${name}`,
    guests.length === 0 ? 'no domain of this manifest has one' : `choose from ${guests.join(', ')}`,
  );
}

function banksOf({ domains }: Manifest, { vtpm }: DomainSettings): readonly VtpmBank[] {
  const banks = vtpmBanksIn(domains.find(({ name }) => name === vtpm)?.cmdline ?? '');
  if (typeof banks === 'string') throw new Error(`bank "${banks}" has passed the checks`);
  return banks;
}
