import { attempts } from '../attempts.ts';
import { domidNotGiven } from '../creation-checks.ts';
import {
  behindIommu,
  emulatedDevices,
  highestPort,
  limitOr,
  mostMemoryKiB,
} from '../creation-outcome.ts';
import { CallError } from '../ffi/errors.ts';
import { StructView } from '../ffi/struct.ts';
import type { DomainCreation } from '../hypervisor.ts';
import { setAffinity } from './affinity.ts';
import { applyCpuPolicy } from './cpu-policy.ts';
import { giveDevices } from './devices.ts';
import { parseUuid, xenFacts } from './inventory.ts';
import { buildSid } from './label.ts';
import type { XenSession } from './session.ts';

/** For grant and maptrack frames: Xen's own limit. */
const XEN_DEFAULT = -1;

/** Bits 0 to 3 of grant_opts are the highest grant table version, domctl.h. */
const GRANT_TABLE_V1 = 1;
const GRANT_TABLE_V2 = 2;

/** Creates the paused, empty domain with exactly the domid asked for, or leaves none behind. */
export function createDomain(session: XenSession, domain: DomainCreation): void {
  const ssidref = buildSid(session, domain);
  session.attempt(attempts.create(domain), () => {
    const given = allocate(session, domain, ssidref);
    try {
      if (given !== domain.domid) throw domidNotGiven(domain, given);
      setLimits(session, domain);
      giveDevices(session, domain);
    } catch (error) {
      discard(session, given);
      throw error;
    }
  });
}

/** Gives the created, empty domain the properties of another; see {@link Hypervisor.reuse}. */
export function reuseDomain(session: XenSession, domain: DomainCreation): void {
  const { xc, xch } = session;
  const { domid, uuid } = domain;
  session.attempt(attempts.reuse(domain), () => {
    xc.xc_domain_sethandle({ xch, domid, handle: parseUuid(uuid) });
    // It may have been tied to some CPUs before.
    setAffinity(session, {
      ...domain,
      cpus: domain.cpus === 'all' ? xenFacts(session).cpus : domain.cpus,
    });
    setMemoryLimits(session, domain);
  });
}

/** Destroys what was begun. If that fails as well, the first error is still the one to tell. */
function discard({ xc, xch }: XenSession, domid: number): void {
  try {
    xc.xc_domain_destroy({ xch, domid });
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
  }
}

/** @returns the domid that Xen gave */
function allocate(session: XenSession, domain: DomainCreation, ssidref: number): number {
  const { xc, xch, layout } = session;
  const { constants } = layout;
  const config = new StructView(layout, 'xen_domctl_createdomain')
    .set('ssidref', ssidref)
    .set('max_vcpus', domain.maxVcpus)
    .set('max_evtchn_port', highestPort(domain))
    .set('max_grant_frames', limitOr(domain.limits.grantFrames, XEN_DEFAULT))
    .set('max_maptrack_frames', limitOr(domain.limits.maptrackFrames, XEN_DEFAULT))
    .set('grant_opts', xenFacts(session).grantTableV2 ? GRANT_TABLE_V2 : GRANT_TABLE_V1);
  parseUuid(domain.uuid).copy(config.block('handle'));
  config
    .set('flags', creationFlags(domain, session))
    .set('arch.emulation_flags', emulatedDevices(domain))
    .set('arch.misc_flags', domain.msrRelaxed ? constants.XEN_X86_MSR_RELAXED : 0);
  const given = Buffer.alloc(4);
  given.writeUInt32LE(domain.domid);
  xc.xc_domain_create({ xch, domid: given, config: config.bytes });
  return given.readUInt32LE();
}

function creationFlags(domain: DomainCreation, session: XenSession): number {
  const { constants } = session.layout;
  const { XEN_DOMCTL_CDF_hvm, XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_nested_virt } = constants;
  const { type, nestedHvm } = domain;
  if (type === 'pv') {
    return behindIommu(domain, xenFacts(session)) ? constants.XEN_DOMCTL_CDF_iommu : 0;
  }
  return XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | (nestedHvm ? XEN_DOMCTL_CDF_nested_virt : 0);
}

function setLimits(session: XenSession, domain: DomainCreation): void {
  const { xc, xch } = session;
  const { domid, maxVcpus } = domain;
  xc.xc_domain_max_vcpus({ xch, domid, max: maxVcpus });
  setAffinity(session, domain);
  setMemoryLimits(session, domain);
  // The hardware domain keeps the policy that Xen gives it, which shows it the machine as it is.
  if (!domain.hardware) applyCpuPolicy(session, domain);
}

function setMemoryLimits({ xc, xch }: XenSession, domain: DomainCreation): void {
  const { domid, maxMemoryKiB, type } = domain;
  xc.xc_domain_setmaxmem({ xch, domid, maxKiB: mostMemoryKiB(domain) });
  if (type === 'pv') {
    // Where the domain's memory map ends: what lies beyond its memory, its kernel keeps for ballooning.
    xc.xc_domain_set_memmap_limit({ xch, domid, limitKiB: maxMemoryKiB });
  } else {
    xc.xc_set_paging_mempool_size({ xch, domid, size: pagingPoolBytes(domain) });
  }
}

/** As libxl reckons it with nested paging: 256 pages for each vCPU and one for each MiB, of 4 KiB each. */
function pagingPoolBytes({ maxVcpus, memoryKiB }: DomainCreation): number {
  return 4096 * (256 * maxVcpus + Math.ceil(memoryKiB / 1024));
}
