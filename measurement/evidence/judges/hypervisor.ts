import { measuredHypervisor } from '../hypervisor.ts';
import { type Judge, right, wrong } from './judge.ts';

/** What domB measured of Xen, by what the configuration requires and by the command line that is expected. */
export const judgeHypervisor: Judge = (_, { xenCommandLine }, { log, bootLog }) => {
  if (log === undefined || bootLog === undefined) return [];
  // A boot that failed did so before this, or because of it.
  if (log.events.some(({ event }) => event === 'error')) return [];
  const required = log.events.some(
    (event) => event.event === 'configuration' && requiresIommu(event.configuration),
  );
  const measured = measuredHypervisor(bootLog.events);
  if (measured === undefined) {
    // Neither was there before domB measured it.
    if (!required && xenCommandLine === undefined) return [];
    return wrong('nothing was measured of the hypervisor');
  }
  const { version, commandLine, dma } = measured;
  const problems: string[] = [];
  if (required && dma !== 'confined') {
    problems.push('the configuration requires an IOMMU, and Xen did not confine devices');
  }
  if (xenCommandLine !== undefined && commandLine !== xenCommandLine) {
    problems.push(
      `Xen's command line differs: expected "${xenCommandLine}", measured "${commandLine}"`,
    );
  }
  if (problems.length > 0) return wrong(...problems);
  const compared =
    xenCommandLine === undefined ? 'options compared with nothing' : 'options as expected';
  return right(`hypervisor: Xen ${version}, DMA ${dma}, ${compared}`);
};

/** The configuration may be that of any version of domB, or anything else. */
function requiresIommu(configuration: unknown): boolean {
  const { platform } = (configuration ?? {}) as { platform?: { iommu?: unknown } | null };
  return platform?.iommu === 'required';
}
