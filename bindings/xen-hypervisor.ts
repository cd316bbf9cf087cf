import type { DomainDevices, DomainProperties } from '../domains/settings.ts';
import { attempts } from './attempts.ts';
import { checkCreation, creationFaults, notEmpty } from './creation-checks.ts';
import type { DomainHoldings } from './holdings.ts';
import type {
  ArgoPort,
  DomainCreation,
  DomainImage,
  DomainInfo,
  DomainRings,
  FlaskState,
  HardwareAccess,
  HostInfo,
  Hypervisor,
  HypervisorError,
} from './hypervisor.ts';
import { DomainLedger } from './ledger.ts';
import { withHypercalls } from './libxencall.ts';
import { setLink } from './links.ts';
import { refusalOf } from './refusal.ts';
import { buildDomain } from './xen/build.ts';
import { cpuPolicyFaults } from './xen/cpu-policy.ts';
import { createDomain, reuseDomain } from './xen/create.ts';
import { destroyDomain } from './xen/destroy.ts';
import { devicesNotHeld, moveDevices } from './xen/devices.ts';
import type { HandoverRegion } from './xen/handover.ts';
import { writeRegion } from './xen/handover.ts';
import { giveUpHardware } from './xen/hardware-access.ts';
import { holdingsOf } from './xen/holdings.ts';
import { flaskState, hostInfo, listDomains, loadPolicy, securityId } from './xen/inventory.ts';
import { buildSid, relabelDomain } from './xen/label.ts';
import { XenSession } from './xen/session.ts';

/** The running Xen, through libxenctrl and libxenguest. */
export class XenHypervisor implements Hypervisor {
  readonly #session: XenSession;
  readonly #ledger = new DomainLedger<HandoverRegion>();
  /** Number of the timer that Xen gave; 0 while there is none. */
  #watchdog = 0;
  /** libxc keeps one error per interface, so builds take turns. */
  #lastBuild: Promise<unknown> = Promise.resolve();

  private constructor(session: XenSession) {
    this.#session = session;
  }

  /** @throws HypervisorError when this domain cannot reach a Xen; see {@link XenSession.open} */
  static open(): XenHypervisor {
    return new XenHypervisor(XenSession.open());
  }

  host(): HostInfo {
    return hostInfo(this.#session);
  }

  flask(): FlaskState {
    return flaskState(this.#session);
  }

  loadPolicy(policy: Uint8Array): void {
    loadPolicy(this.#session, policy);
  }

  securityId(seclabel: string): number {
    return securityId(this.#session, seclabel);
  }

  domains(): DomainInfo[] {
    return listDomains(this.#session);
  }

  check(domain: DomainProperties): HypervisorError[] {
    const host = this.host();
    return [
      ...creationFaults(domain, host),
      ...refusalOf(() => buildSid(this.#session, domain)),
      ...devicesNotHeld(this.#session, domain, host),
      ...cpuPolicyFaults(this.#session, domain, host),
    ];
  }

  restrictHardware(access: HardwareAccess): void {
    this.#ledger.checkNoHardware();
    giveUpHardware(this.#session, access);
  }

  connect(from: ArgoPort, to: ArgoPort): void {
    this.#session.attempt(attempts.connect(from, to), () =>
      withHypercalls(this.#session.logger, (calls) => setLink(calls, from, to)),
    );
  }

  moveDevices(from: number, to: number, devices: DomainDevices): void {
    moveDevices(this.#session, from, to, devices);
  }

  create(domain: DomainCreation): void {
    checkCreation(domain, this.host());
    createDomain(this.#session, domain);
    this.#ledger.created(domain);
  }

  reuse(domain: DomainCreation): void {
    const there = this.domains().find(({ domid }) => domid === domain.domid);
    if (there === undefined || there.memoryKiB > 0) throw notEmpty(domain, there?.memoryKiB);
    checkCreation(domain, this.host());
    reuseDomain(this.#session, domain);
    this.#ledger.created(domain);
  }

  async build(domain: DomainCreation, image: DomainImage): Promise<DomainRings> {
    const { domid } = domain;
    this.#ledger.beginBuild(domain);
    const hardware = this.#ledger.hardware();
    const partner = { domid: hardware?.domid ?? 0, seclabel: hardware?.seclabel };
    const build = this.#lastBuild.then(() => buildDomain(this.#session, domain, image, partner));
    this.#lastBuild = build.catch(() => undefined);
    const { region, rings } = await build;
    this.#ledger.built(domid, region);
    return rings;
  }

  handOver(domid: number, bytes: Uint8Array): void {
    writeRegion(this.#session, this.#ledger.regionFor(domid, bytes.length), bytes);
  }

  label(domid: number): void {
    relabelDomain(this.#session, domid, this.#ledger.labelFor(domid));
    this.#ledger.labelled(domid);
  }

  holdings(domid: number): DomainHoldings {
    return holdingsOf(this.#session, domid);
  }

  unpause(domid: number): void {
    this.#ledger.checkStart(domid);
    const { xc, xch } = this.#session;
    this.#session.attempt(attempts.start(domid), () => xc.xc_domain_unpause({ xch, domid }));
    this.#ledger.started(domid);
  }

  destroy(domid: number): void {
    destroyDomain(this.#session, domid);
    this.#ledger.destroyed(domid);
  }

  endPlatform(domid: number, how: 'halt' | 'reboot'): void {
    const { xc, xch, layout } = this.#session;
    const { SHUTDOWN_poweroff, SHUTDOWN_reboot } = layout.constants;
    const reason = how === 'halt' ? SHUTDOWN_poweroff : SHUTDOWN_reboot;
    // Xen ends the host when the hardware domain shuts down (hwdom_shutdown, xen/common/shutdown.c).
    this.#session.attempt(attempts.endPlatform(domid), () =>
      xc.xc_domain_shutdown({ xch, domid, reason }),
    );
  }

  setWatchdog(seconds: number): void {
    const { xc, xch } = this.#session;
    this.#session.attempt(attempts.setWatchdog(seconds), () => {
      const id = this.#watchdog;
      if (seconds === 0 && id === 0) return;
      // Xen gives a new timer when asked for number 0, and returns its number (SCHEDOP_watchdog, xen/sched.h).
      const given = xc.xc_watchdog({ xch, id, seconds });
      this.#watchdog = seconds === 0 ? 0 : id || Number(given);
    });
  }

  close(): void {
    this.#session.close();
  }
}
