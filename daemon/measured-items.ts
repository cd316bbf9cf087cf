import { canonicalConfiguration, type Manifest } from '../boot-configs/manifest.ts';
import type { MeasuredItem } from '../measurement/events.ts';
import { plan } from './boot.ts';
import { LoadedImage } from './loaded-image.ts';
import type { Operation } from './operations.ts';

/** Operations that put something into the PCR, the cap aside. */
export type Measurement = Extract<Operation, { do: `measure-${string}` }>;

/** Where the measured bytes come from: the boot image in domB, files on the machine that predicts. */
export interface MeasuredSources {
  manifestBytes: Buffer;
  /** Known once the manifest has been measured and parsed. */
  manifest?: Manifest | undefined;
  /** An image by its path in the manifest. */
  image(path: string): Promise<LoadedImage>;
}

/** What an operation measures. The daemon and the prediction both ask here, so they cannot differ. */
export async function measuredItem(
  operation: Measurement,
  sources: MeasuredSources,
): Promise<MeasuredItem> {
  switch (operation.do) {
    case 'measure-manifest':
      return { event: 'manifest', ...new LoadedImage(sources.manifestBytes).description() };
    case 'measure-configuration': {
      if (!sources.manifest) throw new Error('the configuration is measured before it is read');
      const configuration: unknown = JSON.parse(canonicalConfiguration(sources.manifest));
      return { event: 'configuration', configuration };
    }
    case 'measure-domain': {
      const { name, domid, type, seclabel, capabilities } = operation.domain;
      return { event: 'domain', domain: name, domid, type, seclabel, capabilities };
    }
    case 'measure-image': {
      const { domain, component } = operation;
      const image = await componentImage(operation, sources);
      return { event: 'image', domain: domain.name, component, ...image.description() };
    }
  }
}

/** The bytes of one component of a domain. */
export async function componentImage(
  { domain, component }: Extract<Measurement, { component: string }>,
  sources: Pick<MeasuredSources, 'image'>,
): Promise<LoadedImage> {
  if (component === 'cmdline') return new LoadedImage(Buffer.from(domain.cmdline));
  const path = domain[component];
  if (path === undefined) throw new Error(`${domain.name} has no ${component}`);
  return sources.image(path);
}

/** Everything that a boot of this manifest measures, in order: what a verifier may expect. */
export async function expectedItems(
  manifest: Manifest,
  sources: Omit<MeasuredSources, 'manifest'>,
): Promise<MeasuredItem[]> {
  const items: MeasuredItem[] = [];
  for (const operation of plan(manifest).flatMap((phase) => phase.operations)) {
    if (isMeasurement(operation))
      items.push(await measuredItem(operation, { ...sources, manifest }));
  }
  return items;
}

function isMeasurement(operation: Operation): operation is Measurement {
  return operation.do.startsWith('measure-');
}
