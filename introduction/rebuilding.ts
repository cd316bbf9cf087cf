import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DomainInfo } from '../bindings/hypervisor.ts';
import { MeasurementError } from '../measurement/errors.ts';
import type { Ends } from './domain-ends.ts';
import { IntroductionError, type IntroductionProblem, problemOf } from './introduction-error.ts';
import { libxlCreation } from './libxl-config.ts';
import type { MeasuredStart } from './measured-start.ts';
import type { BootDomain } from './record.ts';
import type { Restart } from './restarts.ts';

/** What building domains again takes beside libxl. */
export interface Rebuilding {
  /** Has `build` use files with what was measured for a domain. @throws IntroductionError where there are none */
  withMeasuredStart<T>(domain: BootDomain, build: (start: MeasuredStart) => Promise<T>): Promise<T>;
  /** Who was built again in this boot, by domid. */
  restarts: Map<number, Restart>;
  /** Keeps {@link restarts} for those who ask later. */
  keep(): void;
}

/** How long the memory of a destroyed domain may take to become free, and how often that is looked at, in milliseconds. */
const [GOING, LOOK] = [30_000, 200];

/** Builds a domain again that is gone, and starts it. Says what came of it; without `info` it did not. */
export async function rebuilt(
  domain: BootDomain,
  ends: Ends,
  rebuilding: Rebuilding,
): Promise<{ said: string; info?: DomainInfo }> {
  try {
    await untilGone(domain, ends);
    const info = await rebuilding.withMeasuredStart(domain, (start) =>
      built(domain, start, ends, rebuilding),
    );
    try {
      await ends.unpause(domain.domid);
    } catch (error) {
      await ends.destroy(domain.domid);
      throw error;
    }
    const { uuid } = info;
    return { said: `was built again from what was measured, and runs: ${uuid}`, info };
  } catch (error) {
    const { message, hint } = whyNot(error);
    return { said: `stays destroyed: ${message}\n  hint: ${hint}` };
  }
}

/** Files that cannot be read or written are no defect either. */
function whyNot(error: unknown): IntroductionProblem {
  if (error instanceof MeasurementError) return error;
  if (error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string') {
    return { message: error.message, hint: 'is there room in /run for its images?' };
  }
  return problemOf(error);
}

async function built(
  domain: BootDomain,
  start: MeasuredStart,
  ends: Ends,
  { restarts, keep }: Rebuilding,
): Promise<DomainInfo> {
  const { name, domid, again } = domain;
  const { seclabel } = start;
  if (!ends.mayCreate(seclabel)) {
    throw new IntroductionError(
      `the policy lets dom0 create no ${seclabel}`,
      'boot the platform anew: domB alone builds such a domain',
    );
  }
  // A UUID is that of one instance, unless somebody wants it otherwise.
  const uuid = again?.uuidFixed ? domain.uuid : randomUUID();
  const created = await ends.create(name, libxlCreation(domain, { ...start, uuid }));
  const info = ends.domains().find((each) => each.domid === created);
  // libxl takes a label that Xen does not know for a matter of a warning.
  if (info === undefined || created !== domid || info.seclabel !== seclabel || info.uuid !== uuid) {
    await ends.destroy(created);
    throw new IntroductionError(
      `libxl made ${name} domain ${created}, ${info?.seclabel}, where domain ${domid}, ${seclabel}, was wanted`,
      'it was destroyed again: boot the platform anew',
    );
  }
  restarts.set(domid, { domid, uuid, times: (restarts.get(domid)?.times ?? 0) + 1 });
  keep();
  return info;
}

/** Until nobody has its domid. */
async function untilGone({ domid }: BootDomain, ends: Ends): Promise<void> {
  for (let waited = 0; ends.domains().some((info) => info.domid === domid); waited += LOOK) {
    if (waited >= GOING) {
      throw new IntroductionError(
        `somebody holds memory of the former domain ${domid} after ${GOING / 1000} s`,
        '"xl list" shows it as (null) until a back end lets go of it',
      );
    }
    await sleep(LOOK);
  }
}
