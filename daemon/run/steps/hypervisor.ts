import { confinementFaults, isolationFaults } from '../../../domains/rules/isolation.ts';
import { BootFailure } from '../../plan/failure.ts';
import type { BootState } from '../state.ts';

/**
 * Whether this Xen keeps domains apart as the manifest relies on: its options, and, where the manifest requires it, that no
 * device could reach what domB has read, and measures next.
 * @throws {AggregateError} with everything that speaks against it
 */
export function checkHypervisor({ hypervisor, manifest, log }: BootState): string {
  const { commandLine, dmaConfined, iommu } = hypervisor.host();
  const required = manifest.platform.iommu === 'required';
  const faults = [
    ...isolationFaults(commandLine),
    ...(required ? confinementFaults(commandLine) : []),
  ];
  const failures = faults.map(({ message, hint }) => new BootFailure(message, hint));
  if (required && !dmaConfined) failures.push(unconfined(iommu));
  if (failures.length > 0) throw new AggregateError(failures);
  if (dmaConfined) return 'its options are right, devices reach the memory of their domain only';
  const { message, hint } = unconfined(iommu);
  log.logger.warn(
    `${message}: a device can change what was measured, and read every domain\nwhat to do: ${hint}`,
  );
  return 'its options are right, NOTHING KEEPS DEVICES FROM MEMORY';
}

/** @param iommu whether Xen uses one */
function unconfined(iommu: boolean): BootFailure {
  return iommu
    ? new BootFailure(
        'Xen has an IOMMU, but does not confine all devices to the memory of their domain',
        'boot a Xen of our series with boot-domain and dom0-iommu=strict,no-map-reserved; its console says which device or region is why',
      )
    : new BootFailure(
        'Xen uses no IOMMU, so devices can reach all memory',
        "enable the IOMMU (VT-d or AMD-Vi) in the firmware set-up; Xen's console says what it found",
      );
}

/** Measures which Xen this is, how it was started, and what it lets devices do. */
export async function identifyHypervisor({
  hypervisor,
  bootMeasurements,
}: BootState): Promise<string> {
  const { version, extra, commandLine, dmaConfined } = hypervisor.host();
  const dma = dmaConfined ? 'confined' : 'open';
  const item = { event: 'hypervisor', version: `${version}${extra}`, commandLine, dma } as const;
  await bootMeasurements.measure(item);
  return `Xen ${item.version}, DMA ${dma}, ${commandLine}`;
}
