import { Failure } from './command.ts';

/** Our policy where the command is installed without its source tree. */
export async function buildPolicy(): Promise<never> {
  throw new Failure(
    'this domb was installed without our FLASK policy',
    'name the policy that the boot image holds with --policy, or, where there is --no-policy, say that it holds none',
  );
}

/** Nothing is known of the modules of any policy here. */
export async function policySource(): Promise<undefined> {
  return undefined;
}
