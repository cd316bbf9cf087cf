import type { DomainSettings, Manifest } from '../../boot-configs/manifest.ts';
import { canonicalJson } from '../../measurement/canonical-json.ts';
import type { MeasuredItem } from '../../measurement/events.ts';
import { isMeasurement, type MeasuredSources, measuredItem } from './measured-items.ts';
import { measurements } from './phase-parts.ts';

/**
 * What a guest's own TPM is told of its start: its part of the effective configuration, and what the platform's log has of the guest,
 * all in one register. The daemon and the prediction both ask here, so they cannot differ.
 */
export async function launchItems(
  domain: DomainSettings,
  manifest: Manifest,
  { image }: Pick<MeasuredSources, 'image'>,
): Promise<MeasuredItem[]> {
  const configuration: unknown = JSON.parse(canonicalJson(domain));
  const items: MeasuredItem[] = [{ event: 'configuration', configuration }];
  for (const operation of measurements(domain)) {
    if (!isMeasurement(operation)) continue;
    const item = await measuredItem(operation, { manifest, image });
    if (item.event !== 'domain') {
      items.push(item);
      continue;
    }
    // Which register of the platform's TPM its images are in says nothing here.
    const { pcr: _, ...itself } = item;
    items.push(itself);
  }
  return items;
}
