import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { HashAlgorithm } from 'node-tpm2-pts';
import { openLibxengnttab } from '../../bindings/libxengnttab.ts';
import { domainLife } from '../../bindings/xen/inventory.ts';
import { XenSession } from '../../bindings/xen/session.ts';
import { AUTHORITY_FILES } from '../../domains/vtpm-authority-files.ts';
import { vtpmBanksIn } from '../../domains/vtpm-banks.ts';
import {
  parseRecordedGuests,
  RECORDED_GUESTS,
  type RecordedGuest,
} from '../../domains/vtpm-guests.ts';
import { type VtpmKey, vtpmKeysIn } from '../../domains/vtpm-keys.ts';
import type { LaunchItems } from '../../measurement/guest-launch.ts';
import { authorityOf, type VtpmAuthority } from '../../measurement/guest-tpm/authority.ts';
import { Backend, closeDevices } from './backend.ts';
import type { Rings } from './device.ts';
import { endProcess } from './end.ts';
import { GrantedPage } from './granted-page.ts';
import { guestLife } from './guest-life.ts';
import { lastingStates } from './lasting.ts';
import { NextLasting } from './next-lasting.ts';
import { startPassage } from './passage.ts';
import { GuestRegister } from './register.ts';
import { TpmReserve } from './reserve.ts';
import { servedBySwtpm, servedHere } from './serving.ts';
import { type BlankTpm, type GuestTpm, type SoftwareTpm, startBlankTpm } from './software-tpm.ts';
import { SpareSwtpm } from './spare-swtpm.ts';
import type { KeptState } from './state-file.ts';
import { TpmStock } from './stock.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';
import { Xenstore } from './xenstore.ts';
import { xenstoreAnswers } from './xenstore-answers.ts';

/** What serves a guest has a user of its own, which nobody else ever is: from this number on, one for each TPM. */
const FIRST_USER = 0x10000;
/** How many TPMs are made before a guest asks, beside those of the guests that domB made: for one that dom0 starts. */
const SPARE = 1;
/** Passes a guest's commands to its TPM (serve/tpmback.c). */
const TPMBACK = '/usr/lib/domb/tpmback';

/**
 * The longest line that is written to the kernel's log at once, in characters: Linux refuses more than 976 bytes with EINVAL
 * (6.1, LOG_LINE_MAX in kernel/printk/printk.c).
 */
const LONGEST_LINE = 900;

function say(text: string): void {
  try {
    writeFileSync(
      '/dev/kmsg',
      `vtpm: ${text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_LINE)}\n`,
    );
  } catch {
    // Guests must not lose their TPMs because nobody can be told something.
  }
}

/** What domB put into the initramfs; nothing where this domain serves none of the guests that domB made. */
function recordedGuests(): RecordedGuest[] {
  const file = `/${RECORDED_GUESTS}`;
  return existsSync(file) ? parseRecordedGuests(readFileSync(file, 'utf8')) : [];
}

/** What the domain's command line says, which domB has measured. */
function chosenBanks(): readonly HashAlgorithm[] {
  const banks = vtpmBanksIn(readFileSync('/proc/cmdline', 'latin1').trim());
  if (typeof banks === 'string') throw new Error(`no TPM has the bank "${banks}"`);
  return banks;
}

function chosenKeys(): readonly VtpmKey[] {
  const keys = vtpmKeysIn(readFileSync('/proc/cmdline', 'latin1').trim());
  if (typeof keys === 'string') throw new Error(`no TPM has a key "${keys}"`);
  return keys;
}

/** What domB put into the initramfs; nothing where this domain serves none of the guests that domB made. */
function givenAuthority(): VtpmAuthority | undefined {
  const certificate = `/${AUTHORITY_FILES.certificate}`;
  const privateKey = `/${AUTHORITY_FILES.privateKey}`;
  if (!existsSync(privateKey)) return undefined;
  return authorityOf({
    certificate: readFileSync(certificate),
    privateKey: readFileSync(privateKey),
  });
}

const directoryOf = (uid: number | undefined): string => `/run/vtpm/${uid}`;

const launchOf = ({ name, domid, uuid, launch }: RecordedGuest): LaunchItems => ({
  predictable: launch,
  identity: { event: 'identity', domain: name, domid, uuid },
});

async function main(): Promise<never> {
  const session = XenSession.open();
  const library = openLibxengnttab();
  const grants = library.xengnttab_open({ logger: 0n, flags: 0 });
  const rings: Rings = {
    map: (domid, reference) => new GrantedPage(library, grants, domid, reference),
    pass: (ring, events) => startPassage(TPMBACK, ring, events),
  };
  const guests = recordedGuests();
  const banks = chosenBanks();
  const keys = chosenKeys();
  const authority = givenAuthority();
  const now = () => performance.now();
  let user = FIRST_USER;
  const start = (): Promise<Swtpm> => {
    const uid = user++;
    return startSwtpm({ directory: directoryOf(uid), uid });
  };
  const makeBlank = (swtpm: Swtpm, kept?: KeptState): Promise<BlankTpm> =>
    startBlankTpm(swtpm, { banks, kept, keys: authority === undefined ? [] : keys });
  const spare = new SpareSwtpm(start);
  const stock = new TpmStock(async () => {
    const begin = now();
    const blank = await makeBlank(await start());
    await blank.test();
    say(`a TPM is made ahead, in ${(now() - begin).toFixed(0)} ms`);
    return blank;
  });
  /** What a blank TPM becomes when it is a guest's. @param made what domB started it from; of what dom0 starts nobody knows that */
  const owned = (
    blank: BlankTpm,
    { domid, uuid }: Pick<RecordedGuest, 'domid' | 'uuid'>,
    made: RecordedGuest | undefined,
    died: (how: string) => void,
  ): Promise<SoftwareTpm> =>
    blank.become({
      ...{ died, launch: made && launchOf(made) },
      certification: authority && {
        ...{ authority, keys },
        guest: { domid, uuid, ...(made ? { domain: made.name } : {}) },
      },
    });
  const reserve = new TpmReserve();
  // Those that last begin with what dom0 has stored of them.
  const volatile = guests.filter(({ persistent }) => !persistent);
  if (volatile.length < guests.length) spare.prepare();
  stock.fill(volatile.length + SPARE);
  for (const guest of volatile) {
    reserve.add(guest.uuid, (died) => stock.use((blank) => owned(blank, guest, guest, died)));
  }
  say(`waits for guests; domB recorded ${guests.map(({ name }) => name).join(', ') || 'none'}`);
  // Until dom0 has introduced this domain to xenstore, which asks for it with calls that wait.
  await xenstoreAnswers();
  const store = new Xenstore();
  const lasting = lastingStates({ connect: () => new Xenstore(), say, now });
  const next = new NextLasting(
    async (guest) => {
      const kept = await lasting.open(guest);
      const begin = now();
      try {
        const blank = await makeBlank(await spare.take(), kept);
        say(`the next TPM of ${guest} is made, in ${(now() - begin).toFixed(0)} ms`);
        return { kept, blank };
      } catch (error) {
        kept.close();
        throw error;
      }
    },
    now,
    () => spare.prepare(),
  );
  for (const { name, persistent } of guests) if (persistent) next.prepare(name);
  /** Of one that lasts, a response is given when what the command did is stored. */
  const startLasting = async (
    guest: string,
    become: (blank: BlankTpm) => Promise<SoftwareTpm>,
  ): Promise<GuestTpm> => {
    const started = await next.start(guest, become);
    next.prepare(guest);
    spare.prepare();
    return servedHere(started, `${directoryOf(started.uid)}.socket`);
  };
  const backend = new Backend({
    ...{ store, rings, say, now },
    register: new GuestRegister(
      guests,
      guestLife(guests, (domid) => domainLife(session, domid)),
    ),
    startTpm: async ({ domid, recorded, restarted, uuid, died }) => {
      const begin = now();
      const made = restarted ? undefined : recorded;
      const become = (blank: BlankTpm) => owned(blank, { domid, uuid }, made, died);
      const tpm = await (recorded?.persistent
        ? startLasting(recorded.name, become)
        : servedBySwtpm((made && (await reserve.take(uuid, died))) ?? (await stock.use(become))));
      say(`the TPM of domain ${domid} is ready after ${(now() - begin).toFixed(0)} ms`);
      stock.fill(SPARE);
      return tpm;
    },
  });
  return Promise.race([backend.serve(), lasting.serve()]);
}

// With a connection of its own: that of the back end may be what failed.
const close = () => closeDevices(new Xenstore(), say);
const end = (error: Error): never => endProcess(error, { say, close });

if (process.argv.includes('--close')) {
  // After the end of a back end, however it ended: its guests must not wait for it.
  close();
} else {
  process.on('uncaughtException', end);
  main().catch(end);
}
