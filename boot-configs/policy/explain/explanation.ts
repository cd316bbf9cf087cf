import type { DomainSettings } from '../../manifest.ts';
import {
  domainSummaries,
  hardwareSummaries,
  hypervisorSummaries,
  type Summary,
  selfSummaries,
} from '../meaning/summaries.ts';
import type { Policy } from '../model.ts';
import { isPermissive } from '../platform-types.ts';
import { type Party, partiesOf } from './parties.ts';
import { type HeldPermission, heldPermissions, inFewWords, sendsEvents } from './rights.ts';
import { type Thing, thingsOf } from './things.ts';

/** What the holders of one type may do with one other. */
export interface Right {
  /** Types. */
  source: string;
  target: string;
  kind: 'domain' | 'itself' | 'building' | Thing['kind'];
  /** In words that follow "may" and call the target "it". */
  may: string[];
  permissions: HeldPermission[];
}

/** Who may do what to whom on a platform; only what is allowed. */
export interface PolicyExplanation {
  parties: readonly Party[];
  things: readonly Thing[];
  rights: readonly Right[];
  /** Types that Xen refuses nothing, whatever the rules say. */
  permissive: readonly string[];
}

const SHARED = 'share event channels with it';

/** Computes from the rules of a policy what the domains may do to each other, to the hypervisor and to the hardware. */
export function explanationOf(
  policy: Policy,
  domains: readonly DomainSettings[],
): PolicyExplanation {
  const parties = partiesOf(policy, domains);
  const things = thingsOf(policy);
  const rights = parties.flatMap((source) => [
    ...parties.map((target) => overParty(policy, source, target)),
    ...amongThemselves(policy, source),
    ...parties.flatMap((target) => whileBuilding(policy, source, target)),
    ...things.map((thing) => overThing(policy, source, thing)),
  ]);
  const held = rights.filter(({ may }) => may.length > 0);
  const permissive = [...policy.types.values()].filter((type) => isPermissive(policy, type));
  return { parties, things, rights: held, permissive: permissive.map(({ name }) => name) };
}

function overParty(policy: Policy, source: Party, target: Party): Right {
  // The boot domain has a type of its own, or that of the first domain.
  const itself = source === target;
  const type = itself ? target.self : target.type;
  const right = told(policy, source.type, type, itself ? selfSummaries : domainSummaries);
  const events =
    !itself && sendsEvents(policy, source.type, type) && sendsEvents(policy, type, source.type);
  const may = events ? [...right.may, SHARED] : right.may;
  return { ...right, target: target.type, kind: itself ? 'itself' : 'domain', may };
}

/** Several domains of one type are not themselves to each other. */
function amongThemselves(policy: Policy, party: Party): Right[] {
  if (party.self === party.type || (party.domains.length < 2 && !party.later)) return [];
  const right = told(policy, party.type, party.type, domainSummaries);
  const may = sendsEvents(policy, party.type, party.type) ? [...right.may, SHARED] : right.may;
  return [{ ...right, kind: 'domain', may }];
}

function whileBuilding(policy: Policy, source: Party, { building }: Party): Right[] {
  if (building === undefined) return [];
  return [{ ...told(policy, source.type, building, domainSummaries), kind: 'building' }];
}

function overThing(policy: Policy, source: Party, { type, kind }: Thing): Right {
  const summaries = kind === 'hardware' ? hardwareSummaries : hypervisorSummaries;
  return { ...told(policy, source.type, type, summaries), kind };
}

function told(
  policy: Policy,
  source: string,
  target: string,
  summaries: readonly Summary[],
): Omit<Right, 'kind'> {
  const permissions = heldPermissions(policy, source, target);
  return { source, target, may: inFewWords(permissions, summaries), permissions };
}
