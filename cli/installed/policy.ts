import { readFile } from 'node:fs/promises';
import { packagedParts } from '../../platform/images/packaged-parts.ts';
import { Failure } from '../command.ts';
import { hasXenFile, xenFile } from './places.ts';

/** The policy of the package domb-xen. */
export async function buildPolicy(): Promise<string> {
  if (hasXenFile(packagedParts.policy)) return xenFile(packagedParts.policy);
  throw new Failure(
    'this domb was installed without our FLASK policy',
    'name the policy that the boot image holds with --policy, or, where there is --no-policy, say that it holds none; the package domb-xen has ours',
  );
}

/** The modules that the policy of the package domb-xen was compiled from; nothing is known of any other. */
export async function policySource(policy: Uint8Array): Promise<string | undefined> {
  if (!hasXenFile(packagedParts.policySource)) return undefined;
  const ours = await readFile(xenFile(packagedParts.policy));
  return Buffer.compare(ours, policy) === 0
    ? await readFile(xenFile(packagedParts.policySource), 'utf8')
    : undefined;
}
