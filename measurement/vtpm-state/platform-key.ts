import { randomBytes } from 'node:crypto';
import {
  digest,
  getRandom,
  type HmacSession,
  handles,
  type NvPublic,
  nvChangeAuth,
  nvName,
  nvRead,
  nvReadPublic,
  nvWrite,
  type PcrValues,
  pcrBanks,
  pcrPolicyDigest,
  pcrRead,
  policyCommandCode,
  policyPcr,
  policySession,
  selectionOf,
  type Tpm,
  withHmacSession,
  withPolicySession,
} from 'node-tpm2-pts';
import { authorizePolicy } from '../sealing/approval.ts';
import { withStorageKey } from '../sealing/storage-key.ts';
import { isApproved, type KeptApproval, readKeptApprovals } from './approvals.ts';
import {
  APPROVALS_SIZE,
  type Approver,
  approvalReference,
  approvalsArea,
  INDEXES,
  isOfForm,
  isWritten,
  KEY_SIZE,
  keyArea,
  rootArea,
  writtenName,
} from './indexes.ts';
import { BEGINNING, FIRST_ROOT, RootIndex, rootValue } from './root.ts';

/** The key, and whether this boot has made it: then there is nothing yet that it would open. */
export interface PlatformKey {
  readonly key: Buffer;
  readonly made: boolean;
}

/** Why there is no key, and what to do. */
export interface NoPlatformKey {
  readonly missing: string;
  readonly hint: string;
}

const SET_UP = 'run "domb vtpm-state setup" in dom0, and start again';
const ANEW = 'run "domb vtpm-state setup --anew" in dom0: the guests\' TPMs are then made anew';

/** An approval that holds for the values that the registers have now. */
interface Way {
  readonly values: PcrValues;
  readonly signature: Buffer;
}

/**
 * Opens the key in the TPM, or makes it where nobody has. To be called when all that is predictable is measured, and before the caps:
 * who has the TPM afterwards can bring the registers to these values no more.
 */
export async function openPlatformKey(
  tpm: Tpm,
  approver: Approver,
): Promise<PlatformKey | NoPlatformKey> {
  const there = await handles(tpm, INDEXES.key);
  const wanted = [keyArea(approver), rootArea(approver), approvalsArea];
  const found: NvPublic[] = [];
  for (const area of wanted) {
    const hex = `0x${area.index.toString(16)}`;
    if (!there.includes(area.index)) {
      return { missing: `the TPM has no NV index ${hex}`, hint: SET_UP };
    }
    const public_ = await nvReadPublic(tpm, area.index);
    if (!isOfForm(public_, area)) {
      const missing = `NV index ${hex} is not of the form that the manifest's approver makes it: it was set up for another key or label, or by somebody else`;
      return { missing, hint: ANEW };
    }
    found.push(public_);
  }
  const [keyIndex, rootIndex, approvals] = found as [NvPublic, NvPublic, NvPublic];
  const kept = isWritten(approvals)
    ? readKeptApprovals(await nvRead(tpm, INDEXES.approvals, { size: APPROVALS_SIZE }))
    : [];
  const way = await wayOf(tpm, approver, kept);
  if (way === undefined) {
    return {
      missing: `none of ${kept.length} approvals in the TPM is for this boot`,
      hint: 'approve it ("domb approve --vtpm-state"), give the approval to "domb vtpm-state setup" in dom0, and start again',
    };
  }
  return withStorageKey(tpm, {}, (storage) =>
    withHmacSession(tpm, storage, async (secure) => {
      const by: Opening = { tpm, approver, way, secure };
      if (isWritten(keyIndex)) return { key: await readKey(by), made: false };
      return makeKey(by, isWritten(rootIndex));
    }),
  );
}

interface Opening {
  readonly tpm: Tpm;
  readonly approver: Approver;
  readonly way: Way;
  /** Encrypts what goes over the bus. */
  readonly secure: HmacSession;
}

async function wayOf(
  tpm: Tpm,
  approver: Approver,
  approvals: readonly KeptApproval[],
): Promise<Way | undefined> {
  for (const { bank, pcrs, signature } of approvals) {
    const banks = (await pcrBanks(tpm)).map((active) => active.bank);
    if (!banks.includes(bank)) continue;
    const values = await pcrRead(tpm, [{ bank, pcrs: [...pcrs] }]);
    if (values.get(bank)?.size !== pcrs.length) continue;
    if (isApproved(approver, values, signature)) return { values, signature };
  }
  return undefined;
}

/** Runs `use` with a policy session that has reached what was approved. */
function approved<T>({ tpm, approver, way }: Opening, use: (session: number) => Promise<T>) {
  return withPolicySession(tpm, async (session) => {
    await policyPcr(tpm, session, selectionOf(way.values));
    await authorizePolicy(tpm, session, {
      ...{ policy: pcrPolicyDigest(way.values), policyRef: approvalReference(approver.label) },
      ...{ approver: approver.approver, signature: way.signature },
    });
    return use(session);
  });
}

const readKey = (by: Opening): Promise<Buffer> =>
  approved(by, (session) =>
    nvRead(
      by.tpm,
      INDEXES.key,
      { size: KEY_SIZE },
      { authorization: policySession(session, { keep: true }), secure: by.secure },
    ),
  );

/** The root comes first: a boot that is cut off in between makes another key, which nothing was stored under yet. */
async function makeKey(by: Opening, rootIsWritten: boolean): Promise<PlatformKey | NoPlatformKey> {
  const { tpm, approver, secure } = by;
  // Neither of two sources of chance is trusted alone.
  const key = digest('sha256', await getRandom(tpm, KEY_SIZE), randomBytes(KEY_SIZE));
  const value = rootValue(key);
  await approved(by, async (session) => {
    await policyCommandCode(tpm, session, 'NV_ChangeAuth');
    const authorization = policySession(session, { keep: true });
    await nvChangeAuth(tpm, INDEXES.root, value, { authorization, secure });
  });
  const area = rootArea(approver);
  if (!rootIsWritten) {
    await once(new RootIndex(tpm, value, nvName(area)), (index) => index.extend(BEGINNING));
  }
  const root = await once(new RootIndex(tpm, value, writtenName(area)), (index) => index.read());
  if (!root.equals(FIRST_ROOT)) {
    const missing = `NV index 0x${INDEXES.root.toString(16)} was used before there was a key`;
    return { missing, hint: ANEW };
  }
  await approved(by, (session) =>
    nvWrite(tpm, INDEXES.key, key, 0, {
      authorization: policySession(session, { keep: true }),
      secure,
    }),
  );
  return { key, made: true };
}

async function once<T>(index: RootIndex, use: (index: RootIndex) => Promise<T>): Promise<T> {
  try {
    return await use(index);
  } finally {
    await index.close();
  }
}
