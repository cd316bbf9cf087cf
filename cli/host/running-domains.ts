import { listDomains } from '../../bindings/xen/inventory.ts';
import { XenSession } from '../../bindings/xen/session.ts';
import { type BootRecord, readBootRecord } from '../../introduction/record.ts';
import { readRestarts } from '../../introduction/restarts.ts';
import { XenstoreConnection } from '../../introduction/store.ts';

/** A domain as dom0 sees it now. */
export interface RunningDomain {
  /** What xenstore calls it, as xl does, or else the record; undefined where it has no name. */
  name: string | undefined;
  /** What the manifest calls it; undefined for those that domB did not make. For dom0 another name than xl's. */
  manifestName: string | undefined;
  domid: number;
  /** Of this running instance, and of no other ever. */
  uuid: string;
  seclabel: string;
  state: 'running' | 'paused' | 'shutdown' | 'dying';
  memoryKiB: number;
  vcpus: number;
  /** True for those that domB made in this boot. */
  booted: boolean;
  /** How often dom0 has built it again in this boot; 0 for an instance that is nobody's but domB's, or is none of the manifest's. */
  restarts: number;
}

/** All domains that there are, with the names that domB gave them and those that xenstore knows. */
export async function runningDomains(record: string): Promise<RunningDomain[]> {
  const made = await readBootRecord(record).catch((error: NodeJS.ErrnoException): BootRecord => {
    if (error.code === 'ENOENT') return { hardwareDomid: 0, domains: [] };
    throw error;
  });
  const again = await readRestarts();
  const session = XenSession.open();
  try {
    const store = storeOf(session);
    try {
      return listDomains(session).map((domain) => {
        const { domid, uuid, seclabel, memoryKiB, vcpus } = domain;
        const own = made.domains.find((each) => each.domid === domid && sameUuid(each.uuid, uuid));
        const restarted = again.get(domid);
        const restarts =
          restarted !== undefined && sameUuid(restarted.uuid, uuid) ? restarted.times : 0;
        const name = store?.read(`/local/domain/${domid}/name`) ?? own?.name;
        // With a UUID that the manifest fixes, it is another instance all the same.
        const [manifestName, booted] = [own?.name, own !== undefined && restarts === 0];
        const state = stateOf(domain);
        return {
          name,
          manifestName,
          domid,
          uuid,
          seclabel,
          state,
          memoryKiB,
          vcpus,
          booted,
          restarts,
        };
      });
    } finally {
      store?.close();
    }
  } finally {
    session.close();
  }
}

/** Where no xenstored runs, the record has names. */
function storeOf({ layout }: XenSession): XenstoreConnection | undefined {
  try {
    return new XenstoreConnection(layout);
  } catch {
    return undefined;
  }
}

/** The domain that this name, domid or UUID is of. */
export function matches(domain: RunningDomain, wanted: string): boolean {
  if (/^\d+$/.test(wanted) && domain.domid === Number(wanted)) return true;
  const names = [domain.name, domain.manifestName];
  return names.includes(wanted) || sameUuid(domain.uuid, wanted);
}

const sameUuid = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

function stateOf(domain: { dying: boolean; shutdown: boolean; paused: boolean }) {
  if (domain.dying) return 'dying';
  if (domain.shutdown) return 'shutdown';
  return domain.paused ? 'paused' : 'running';
}
