import {
  type FoundXen,
  findXen,
  type XenSource,
  xenSource,
} from '../platform/hypervisor/source.ts';
import { Failure, type Input, type Terminal, UsageError } from './command.ts';

/**
 * The source of the Xen that goes into an EFI file; undefined when none does. Says which it is. What has known holes is not
 * taken silently: a version that is not Debian's newest has to be named, in an option or in the environment.
 */
export async function chosenXen(
  { values, flags }: Input,
  terminal: Terminal,
): Promise<XenSource | undefined> {
  const directory = values.get('xen-source');
  if (directory !== undefined && values.has('xen-version')) {
    throw new UsageError("--xen-version is for Debian's source", 'leave it or --xen-source out');
  }
  if (!flags.has('efi')) return undefined;
  const found = await findXen(directory);
  terminal.writeError(`Xen ${found.version}, from ${found.origin}\n`);
  if (directory === undefined) checkNewest(found, values.get('xen-version'));
  return xenSource('hypervisor', found);
}

function checkNewest({ version, newer, unasked }: FoundXen, named: string | undefined): void {
  if (named !== undefined && named !== version) {
    throw new Failure(
      `Xen ${named} is not what Debian's archive gives: that is ${version}`,
      `leave --xen-version out, or name ${version}; --xen-source DIR takes any tree`,
    );
  }
  const accepted = named ?? process.env.DOMB_XEN_VERSION;
  if (accepted === version) return;
  const hint = `--xen-version ${version} takes it all the same; --xen-source DIR takes a tree of your own`;
  if (unasked !== undefined) {
    throw new Failure(`whether Xen ${version} is the newest is not known: ${unasked}`, hint);
  }
  if (newer.length === 0) return;
  const listed = newer.map((each) => `\n  ${each.version}: ${each.refusal}`).join('');
  throw new Failure(`Xen ${version} is not the newest that Debian lists:${listed}`, hint);
}
