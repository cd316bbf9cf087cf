import { createPublicKey } from 'node:crypto';
import { canonicalConfiguration } from '../../boot-configs/canonical.ts';
import { imageComponents } from '../../boot-configs/components.ts';
import type { DomainSettings, Manifest } from '../../boot-configs/manifest.ts';
import { describeContent } from '../../measurement/content.ts';
import type { ContentDescription, ErrorItem, MeasuredItem } from '../../measurement/events.ts';
import project from '../../package.json' with { type: 'json' };
import { plan } from './boot.ts';
import { measuredImagePath, type Operation } from './operations.ts';
import type { BootFailureRecord } from './record.ts';

/** Operations that put something into the PCR, the cap aside. */
export type Measurement = Extract<Operation, { do: `measure-${string}` }>;

/** What is known about measured content: domB has its bytes, the machine that predicts has files of any size. */
export interface MeasuredContent {
  description(): ContentDescription;
}

/** Where the measured content comes from: the boot image in domB, files on the machine that predicts. */
export interface MeasuredSources {
  /** Known once it was read. */
  manifestBytes?: Uint8Array | undefined;
  /** Known once the manifest has been measured and parsed. */
  manifest?: Manifest | undefined;
  /** An image by its path in the manifest. */
  image(path: string): Promise<MeasuredContent>;
  /** The FLASK policy of the boot image, if it has one. */
  policy?: (() => Promise<MeasuredContent>) | undefined;
  /** The public key of the boot image, in PEM form, if it has one. */
  signatureKey?: (() => Promise<Buffer>) | undefined;
}

/** What an operation measures. The daemon and the prediction both ask here, so they cannot differ. */
export async function measuredItem(
  operation: Measurement,
  sources: MeasuredSources,
): Promise<MeasuredItem> {
  switch (operation.do) {
    case 'measure-daemon':
      return { event: 'daemon', version: project.version };
    case 'measure-policy': {
      if (!sources.policy) throw new Error('there is no policy to measure');
      return { event: 'policy', ...(await sources.policy()).description() };
    }
    case 'measure-signature-key': {
      if (!sources.signatureKey) throw new Error('there is no signature key to measure');
      // One key has many PEM texts, but one DER form.
      const key = createPublicKey(await sources.signatureKey());
      const der = key.export({ type: 'spki', format: 'der' });
      return { event: 'signature-key', digests: describeContent(der).digests };
    }
    case 'measure-manifest':
      if (!sources.manifestBytes) throw new Error('the manifest is measured before it is read');
      return { event: 'manifest', ...describeContent(sources.manifestBytes) };
    case 'measure-script': {
      const { name, at, run } = operation.script;
      const description = (await sources.image(run)).description();
      return { event: 'script', script: name, at, ...description };
    }
    case 'measure-configuration': {
      if (!sources.manifest) throw new Error('the configuration is measured before it is read');
      const configuration: unknown = JSON.parse(canonicalConfiguration(sources.manifest));
      return { event: 'configuration', configuration };
    }
    case 'measure-domain': {
      if (!sources.manifest) throw new Error('a domain is measured before the manifest is read');
      return domainItem(operation.domain, sources.manifest);
    }
    case 'measure-image': {
      const { domain, component, segment } = operation;
      const description = await componentDescription(operation, sources);
      const which = segment === undefined ? {} : { segment };
      return { event: 'image', domain: domain.name, component, ...which, ...description };
    }
  }
}

function domainItem(domain: DomainSettings, { platform, recovery }: Manifest): MeasuredItem {
  const { name, domid, type, seclabel, capabilities, measurement, ramdisk } = domain;
  const { pcr, components } = measurement;
  const has = imageComponents.filter((each) => each !== 'ramdisk' || ramdisk.length > 0);
  const unmeasured = has.filter((each) => !components.includes(each));
  return {
    ...{ event: 'domain', domain: name, domid, type, seclabel, capabilities },
    ...(name === recovery?.name ? { role: 'recovery' } : {}),
    ...(pcr === platform.measurement.pcr ? {} : { pcr }),
    ...(unmeasured.length === 0 ? {} : { unmeasured }),
  };
}

async function componentDescription(
  operation: Extract<Measurement, { component: string }>,
  { image }: MeasuredSources,
): Promise<ContentDescription> {
  const path = measuredImagePath(operation);
  if (path === undefined) return describeContent(Buffer.from(operation.domain.cmdline));
  return (await image(path)).description();
}

/** Everything that a boot of this manifest measures, in order: what a verifier may expect. */
export async function expectedItems(
  manifest: Manifest,
  sources: Omit<MeasuredSources, 'manifest'>,
): Promise<MeasuredItem[]> {
  const items: MeasuredItem[] = [];
  const parts = {
    policy: sources.policy !== undefined,
    signed: sources.signatureKey !== undefined,
  };
  for (const operation of plan(manifest, parts).flatMap((phase) => phase.operations)) {
    if (isMeasurement(operation))
      items.push(await measuredItem(operation, { ...sources, manifest }));
  }
  return items;
}

/** What a failed boot says of itself in the log. A domain is named where there is one that it is about. */
export function errorDetails(failure: BootFailureRecord): Omit<ErrorItem, 'event'> {
  const { what, phase, problems = [failure] } = failure;
  const domains = new Set(problems.map((problem) => problem.domain));
  const [domain] = domains;
  return {
    what,
    ...(phase === undefined ? {} : { phase }),
    ...(domain === undefined || domains.size > 1 ? {} : { domain }),
  };
}

export function isMeasurement(operation: Operation): operation is Measurement {
  return operation.do.startsWith('measure-');
}
