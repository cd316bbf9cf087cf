import type { DomainSettings } from '../../boot-configs/manifest.ts';
import { canonicalConfiguration } from '../../boot-configs/manifest.ts';
import type { ContentAlgorithm } from '../../measurement/events.ts';
import { BootFailure } from '../failure.ts';
import { LoadedImage } from '../loaded-image.ts';
import type { ImageComponent, Operation } from '../operations.ts';
import { paths } from '../settings.ts';
import type { BootState } from '../state.ts';
import { imagePath } from './domains.ts';

type Of<K extends Operation['do']> = Extract<Operation, { do: K }>;

export async function measureManifest(state: BootState): Promise<string> {
  const bytes = await state.machine.readFile(paths.manifest);
  const image = new LoadedImage(bytes);
  await state.measurements.measure({ event: 'manifest', ...image.description() });
  state.manifestBytes = bytes;
  return `${bytes.length} bytes, ${brief(image)}`;
}

export async function measureConfiguration(state: BootState): Promise<string> {
  const configuration: unknown = JSON.parse(canonicalConfiguration(state.manifest));
  await state.measurements.measure({ event: 'configuration', configuration });
  return 'defaults applied, units resolved';
}

export async function measureDomain(
  { measurements }: BootState,
  { domain }: Of<'measure-domain'>,
): Promise<string> {
  const { name, domid, type, seclabel, capabilities } = domain;
  await measurements.measure({
    event: 'domain',
    domain: name,
    domid,
    type,
    seclabel,
    capabilities,
  });
  return `domid ${domid}, ${seclabel}`;
}

export async function measureImage(
  state: BootState,
  { domain, component }: Of<'measure-image'>,
): Promise<string> {
  const image = await componentImage(state, domain, component);
  refuseOther(domain, component, image);
  const item = { domain: domain.name, component, ...image.description() };
  await state.measurements.measure({ event: 'image', ...item });
  return `${image.bytes.length} bytes, ${brief(image)}`;
}

async function componentImage(
  state: BootState,
  domain: DomainSettings,
  component: ImageComponent,
): Promise<LoadedImage> {
  if (component === 'cmdline') return new LoadedImage(Buffer.from(domain.cmdline));
  const path = domain[component];
  if (path === undefined) throw new Error(`${domain.name} has no ${component}`);
  return state.image(imagePath(path));
}

/** Fails when the manifest pins a digest of this component and the bytes have another. */
function refuseOther(domain: DomainSettings, component: ImageComponent, image: LoadedImage): void {
  const pinned = component === 'cmdline' ? undefined : domain.digests[component];
  if (pinned === undefined) return;
  const [algorithm, expected] = pinned.split(':') as [ContentAlgorithm, string];
  const found = image.digest(algorithm);
  if (found === expected) return;
  throw new BootFailure(
    `${domain.name} ${component} (${imagePath(domain[component as 'kernel' | 'ramdisk'] ?? '')}): digest mismatch\n` +
      `  the manifest pins ${pinned}\n  the image has      ${algorithm}:${found}`,
    'put the right image into the boot image, or pin the new digest in the manifest if the change is wanted',
  );
}

export async function capPcr({ measurements }: BootState): Promise<string> {
  await measurements.cap();
  const { pcr, banks } = measurements.target;
  return `PCR ${pcr} in ${banks.length} banks, ${measurements.events.length} events`;
}

const brief = (image: LoadedImage) => `sha256:${image.digest('sha256').slice(0, 16)}…`;
