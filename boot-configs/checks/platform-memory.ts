import { formatMemory, memoryKiB } from '../../domains/memory.ts';
import { DOMAIN_OVERHEAD_KIB, neededKiB, xenKiB } from '../../domains/memory-needs.ts';
import type { DraftDomain, DraftScript } from '../draft.ts';
import { placedTexts } from '../segments.ts';
import type { Check } from './check.ts';

/** The memory that a platform has, and how much of it the boot domain gets (Xen's `dom0_mem=`). */
export interface PlatformMemory {
  platformKiB: number;
  /** What the boot domain has; it may depend on what the manifest wants done. */
  bootDomainKiB: number | ((task: BootDomainTask) => number);
}

/** What a manifest wants done, as far as the boot domain's memory depends on it. */
export interface BootDomainTask {
  /** Paths of all images and scripts, each once. */
  images: readonly string[];
  /** Memory of the largest domain, in KiB. */
  largestKiB: number;
  /** Whether there are boot scripts. */
  scripts: boolean;
}

/** Checks that the domains fit into the platform beside Xen and the boot domain. */
export function platformMemory({ platformKiB, bootDomainKiB: boot }: PlatformMemory): Check {
  const xen = xenKiB(platformKiB);
  return {
    rule: 'platform-memory',
    says: 'All domains together fit into the memory of the platform beside Xen and the boot domain, and so does the recovery domain alone.',
    run({ domains, scripts }, report) {
      const bootDomainKiB = typeof boot === 'number' ? boot : boot(taskOf(domains, scripts));
      const left = wholeMiB(Math.max(0, platformKiB - bootDomainKiB - xen));
      const room = `of ${formatMemory(platformKiB)} Xen and the boot domain leave ${left === 0 ? 'nothing' : `about ${formatMemory(left)}`}`;
      const hint = `give less: beside its memory each domain needs ${formatMemory(DOMAIN_OVERHEAD_KIB)}, the boot domain has ${formatMemory(wholeMiB(bootDomainKiB))}, Xen needs about ${formatMemory(wholeMiB(xen))}`;
      const normal = domains.filter(({ recovery }) => !recovery);
      const needed = neededKiB(normal.map(({ memory = '0MiB' }) => memoryKiB(memory)));
      if (needed > left) {
        report(['domains'], `the domains need ${formatMemory(needed)}, and ${room}`, hint);
      }
      for (const { path, recovery, memory } of domains) {
        if (!recovery || memory === undefined || neededKiB([memoryKiB(memory)]) <= left) continue;
        const own = formatMemory(neededKiB([memoryKiB(memory)]));
        report([...path, 'memory'], `the recovery domain needs ${own}, and ${room}`, hint);
      }
    },
  };
}

function taskOf(domains: readonly DraftDomain[], scripts: readonly DraftScript[]): BootDomainTask {
  return {
    images: imagesOf(domains, scripts),
    largestKiB: Math.max(0, ...domains.map(({ memory = '0MiB' }) => memoryKiB(memory))),
    scripts: scripts.length > 0,
  };
}

function imagesOf(domains: readonly DraftDomain[], scripts: readonly DraftScript[]): string[] {
  const named = [
    ...domains.flatMap(({ kernel, ramdisk }) => [kernel, ramdisk]),
    ...scripts.map(({ run }) => run),
  ];
  return [...new Set(named.flatMap((value) => placedTexts(value, []).map(({ text }) => text)))];
}

function wholeMiB(kib: number): number {
  return Math.floor(kib / 1024) * 1024;
}
