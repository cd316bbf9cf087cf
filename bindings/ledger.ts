import { attempts } from './attempts.ts';
import type { DomainCreation } from './hypervisor.ts';
import type { Attempt } from './refusal.ts';
import { refused } from './refusal.ts';

type Stage = 'created' | 'building' | 'built' | 'labelled' | 'started';

const STAGES: Readonly<Record<Stage, string>> = {
  created: 'it is not built yet',
  building: 'it is being built',
  built: 'it is built already, and has not got its label',
  labelled: 'it has its label already',
  started: 'it runs already',
};

interface Entry<R> {
  domain: DomainCreation;
  stage: Stage;
  region: R | undefined;
}

/**
 * The domains that this boot domain made and how far each is, so that both implementations keep the same order: create,
 * build once, hand over, label, start.
 * @typeParam R what an implementation remembers of a hand-over region
 */
export class DomainLedger<R extends { bytes: number }> {
  readonly #entries = new Map<number, Entry<R>>();

  created(domain: DomainCreation): void {
    this.#entries.set(domain.domid, { domain, stage: 'created', region: undefined });
  }

  /** The hardware domain, if it was made here. */
  hardware(): DomainCreation | undefined {
    return [...this.#entries.values()].find(({ domain }) => domain.hardware)?.domain;
  }

  /** Refuses what can be done only as long as the boot domain has the hardware. */
  checkNoHardware(): void {
    if (this.hardware() === undefined) return;
    const reason = 'the hardware domain was created and has everything';
    throw refused(attempts.restrictHardware, 'restrictHardware', '', reason, 'restrict it before');
  }

  /** Marks the start of the domain's only build. */
  beginBuild(domain: DomainCreation): void {
    this.#expect(domain.domid, 'created', attempts.build(domain), 'build').stage = 'building';
  }

  built(domid: number, region: R | undefined): void {
    const entry = this.#entries.get(domid);
    if (entry === undefined) return;
    entry.stage = 'built';
    entry.region = region;
  }

  /** The hand-over region of a domain that is built but does not run, if it has room for `length` bytes. */
  regionFor(domid: number, length: number): R {
    const attempt = attempts.handOver(domid);
    const { region } = this.#expect(domid, 'built', attempt, 'handOver');
    const bytes = region?.bytes ?? 0;
    if (region === undefined || length > bytes) {
      const reason = `${length} bytes do not fit into the ${bytes} reserved`;
      throw refused(attempt, 'handOver', 'ENOSPC', reason, 'reserve a larger hand-over region');
    }
    return region;
  }

  /** @returns the label that a domain is to get, which is built and has not got it */
  labelFor(domid: number): string {
    return this.#expect(domid, 'built', attempts.label(domid), 'label').domain.seclabel;
  }

  labelled(domid: number): void {
    const entry = this.#entries.get(domid);
    if (entry !== undefined) entry.stage = 'labelled';
  }

  /** Refuses to start what is not built, or has not got its label. */
  checkStart(domid: number): void {
    this.#expect(domid, 'labelled', attempts.start(domid), 'unpause');
  }

  started(domid: number): void {
    const entry = this.#entries.get(domid);
    if (entry !== undefined) entry.stage = 'started';
  }

  destroyed(domid: number): void {
    this.#entries.delete(domid);
  }

  #expect(domid: number, wanted: Stage, attempt: Attempt, call: string): Entry<R> {
    const entry = this.#entries.get(domid);
    if (entry?.stage === wanted) return entry;
    const reason = entry === undefined ? 'it was not created here' : STAGES[entry.stage];
    throw refused(
      attempt,
      call,
      '',
      reason,
      'create, build, hand over, label and start, in this order',
    );
  }
}
