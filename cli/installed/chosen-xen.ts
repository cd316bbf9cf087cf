import type { XenSource } from '../../platform/hypervisor/source.ts';
import { packagedParts } from '../../platform/images/packaged-parts.ts';
import { Failure, type Input, type Terminal } from '../command.ts';
import { lineOf, xenFile } from './places.ts';

/** The Xen of the package domb-xen, which is the only one here. */
export async function chosenXen(
  { values, flags }: Input,
  terminal: Terminal,
): Promise<XenSource | undefined> {
  if (values.has('xen-source')) {
    throw new Failure(
      'this domb was installed without what builds Xen',
      'leave --xen-source out, or run "npm run image" in the source tree of domb',
    );
  }
  if (!flags.has('efi')) return undefined;
  const path = xenFile(packagedParts.xenVersion);
  const version = lineOf(path);
  const named = values.get('xen-version') ?? version;
  if (named !== version) {
    throw new Failure(
      `Xen ${named} is not what is installed: that is ${version}`,
      'leave --xen-version out, or install another domb-xen',
    );
  }
  terminal.writeError(`Xen ${version}, of the package domb-xen\n`);
  return {
    ...{ version, origin: 'the package domb-xen', newer: [], identity: version },
    ...{ tree: path, key: version },
    unpack: async () => {
      throw new Failure(`${path}: there is no source here`, 'use the source tree of domb');
    },
  };
}
