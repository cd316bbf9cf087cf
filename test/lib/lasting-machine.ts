import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectUnix,
  digest,
  flushContext,
  handles,
  pcrExtend,
  pcrRead,
  shutdown,
  startup,
  swtpmControl,
  Tpm,
  type Transport,
} from 'node-tpm2-pts';
import { approveVtpmState, type VtpmApproval } from '../../measurement/vtpm-state/approvals.ts';
import { rootArea, writtenName } from '../../measurement/vtpm-state/indexes.ts';
import { openPlatformKey } from '../../measurement/vtpm-state/platform-key.ts';
import { RootIndex, rootValue } from '../../measurement/vtpm-state/root.ts';
import { setUpVtpmState } from '../../measurement/vtpm-state/set-up.ts';
import { DirectoryStore } from '../../vtpm/state/directory-store.ts';
import { GuestStates, type GuestStatesOptions } from '../../vtpm/state/guest-states.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

/** TPM2_GetCapability: handles of this kind are those of sessions (TPM 2.0 Library, Part 2, 7.2, TPM_HT_LOADED_SESSION). */
const LOADED_SESSIONS = 0x02000000;

export const approvalKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A machine with a TPM and a disk of dom0's, on which states of guests' TPMs last: what domB, dom0 and the vTPM domain do in boots of it. */
export class LastingMachine {
  readonly #swtpm: Swtpm;
  readonly directory: string;
  readonly transport: Transport;
  #boot = {};
  tpm: Tpm;

  private constructor(swtpm: Swtpm, directory: string, transport: Transport) {
    this.#swtpm = swtpm;
    this.directory = directory;
    this.transport = transport;
    this.tpm = new Tpm(transport);
  }

  static async start(): Promise<LastingMachine> {
    const swtpm = await startSwtpm();
    const directory = await mkdtemp(join(tmpdir(), 'domb-lasting-'));
    return new LastingMachine(swtpm, directory, inTurn(await connectUnix(swtpm.socket)));
  }

  /** Whatever a vTPM domain of before does from now on, it hears of nobody any more. */
  powerOff(): void {
    this.#boot = {};
  }

  async stop(): Promise<void> {
    this.powerOff();
    await this.tpm.close();
    await this.#swtpm.stop();
    await rm(this.directory, { recursive: true });
  }

  /** Resets the TPM, as a reboot does, and measures what firmware and domB do until domB opens the key. */
  async reboot(version = 'good', orderly = true): Promise<void> {
    this.powerOff();
    if (orderly) await shutdown(this.tpm);
    await swtpmControl(this.#swtpm.control).init();
    await startup(this.tpm);
    for (const pcr of [4, 7, 13]) await this.#extend(pcr, `${pcr === 13 ? version : 'firmware'}`);
  }

  /** domB ends what it measures. */
  cap(): Promise<void> {
    return this.#extend(13, 'the cap');
  }

  async #extend(pcr: number, what: string): Promise<void> {
    await pcrExtend(this.tpm, pcr, new Map([['sha256', digest('sha256', Buffer.from(what))]]));
  }

  /** An approval of the present state. */
  async approval(
    key: KeyObject = approvalKey,
    label = '',
    pcrs: number[] = [4, 7, 13],
  ): Promise<VtpmApproval> {
    const values = await pcrRead(this.tpm, [{ bank: 'sha256', pcrs }]);
    return approveVtpmState(key, { source: 'test', values, label });
  }

  /** What dom0 does once. */
  async setUp(approvals?: VtpmApproval[], anew = false) {
    return setUpVtpmState(this.tpm, { approvals: approvals ?? [await this.approval()], anew }, {});
  }

  /** What domB does. */
  async openKey(label = '') {
    const { approver } = await this.approval(approvalKey, label);
    return openPlatformKey(this.tpm, { approver, label });
  }

  async key(): Promise<Buffer> {
    const opened = await this.openKey();
    if ('missing' in opened) throw new Error(opened.missing);
    return opened.key;
  }

  /** dom0's disk. */
  async disk(): Promise<DirectoryStore> {
    const store = new DirectoryStore(join(this.directory, 'disk'));
    await store.open();
    return store;
  }

  /** Keeps a copy of dom0's disk, or puts it back. */
  async backUp(name: string): Promise<void> {
    await cp(join(this.directory, 'disk'), join(this.directory, name), { recursive: true });
  }

  async putBack(name: string): Promise<void> {
    await rm(join(this.directory, 'disk'), { recursive: true, force: true });
    await cp(join(this.directory, name), join(this.directory, 'disk'), { recursive: true });
  }

  /** The root, through dom0's `transport`. */
  async root(key: Buffer, transport: Transport = this.transport): Promise<RootIndex> {
    const { approver } = await this.approval();
    const name = writtenName(rootArea({ approver, label: '' }));
    return new RootIndex(new Tpm(transport, { retryFor: 0 }), rootValue(key), name);
  }

  /** What the vTPM domain has in one boot. */
  async states(
    changes: Partial<GuestStatesOptions> = {},
  ): Promise<{ states: GuestStates; said: string[]; key: Buffer }> {
    await this.endSessions();
    const key = changes.key ?? (await this.key());
    const said: string[] = [];
    const store = this.#whileOn(changes.store ?? (await this.disk()));
    const root = this.#whileOn(changes.root ?? (await this.root(key)));
    const states = new GuestStates({
      ...{ say: (text) => said.push(text), now: () => performance.now(), patience: 20 },
      ...{ ...changes, key, store, root },
    });
    return { states, said, key };
  }

  /** As Linux does when dom0's part ends: what that had open in the TPM goes. */
  async endSessions(): Promise<void> {
    for (const session of await handles(this.tpm, LOADED_SESSIONS)) {
      if (session >> 24 === LOADED_SESSIONS >> 24) await flushContext(this.tpm, session);
    }
  }

  /** The same, as long as this boot lasts. */
  #whileOn<T extends object>(part: T): T {
    const boot = this.#boot;
    const isOn = () => this.#boot === boot;
    return new Proxy(part, {
      get: (of, name) => {
        const member: unknown = Reflect.get(of, name);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) =>
          isOn() ? Reflect.apply(member, of, given) : new Promise(() => {});
      },
    });
  }
}

/** Commands one after the other, whoever sends them. */
function inTurn(transport: Transport): Transport {
  let last: Promise<unknown> = Promise.resolve();
  return {
    description: transport.description,
    transmit(command) {
      const response = last.then(() => transport.transmit(command));
      last = response.catch(() => {});
      return response;
    },
    close: () => transport.close(),
  };
}
