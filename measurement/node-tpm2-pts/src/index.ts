export {
  binaryDigest,
  digest,
  type HashAlgorithm,
  hashAlgorithms,
  hashById,
  hashId,
  hashSize,
  opensslName,
} from './algorithms.ts';
export { type Authorization, password, policySession } from './authorization.ts';
export { Reader } from './codec/reader.ts';
export { Writer } from './codec/writer.ts';
export { COMMAND_CODES, type CommandName } from './command-codes.ts';
export { createAk, type Quote, quote } from './commands/attestation.ts';
export { handles, pcrBanks, tpmProperties } from './commands/capability.ts';
export { flushContext } from './commands/context.ts';
export { type ActivateOptions, activateCredential } from './commands/credential.ts';
export {
  type NvAccess,
  nvDefine,
  nvIncrement,
  nvRead,
  nvReadPublic,
  nvUndefine,
  nvWrite,
} from './commands/nv.ts';
export {
  type CreateOptions,
  create,
  createPrimary,
  type LoadedObject,
  load,
  readPublic,
  unsealObject,
  type WrappedObject,
} from './commands/object.ts';
export { type Digests, type PcrValues, pcrExtend, pcrRead, pcrReset } from './commands/pcr.ts';
export { policyGetDigest, policyPcr, policySecret } from './commands/policy.ts';
export { getRandom } from './commands/random.ts';
export { getTestResult, selfTest, type TestResult } from './commands/self-test.ts';
export { startPolicySession, withPolicySession } from './commands/session.ts';
export { type StartupType, shutdown, startup } from './commands/startup.ts';
export { TPM_PT, TPM_RH, TPMA_NV, TPMA_OBJECT } from './constants.ts';
export { readEkCertificate } from './ek-certificate.ts';
export {
  Tpm2Error,
  TpmError,
  TpmFormatError,
  TpmTransportError,
  TpmUnsupportedError,
} from './errors.ts';
export { kdfA, kdfE } from './kdf.ts';
export { type Credential, makeCredential } from './make-credential.ts';
export { pcrDigest, pcrPolicyDigest, selectionOf } from './policy-digest.ts';
export { decodeResponseCode, type ResponseCode } from './response-codes.ts';
export { seal, unseal } from './sealing.ts';
export { type ClockInfo, decodeQuote, type QuoteAttest } from './structures/attest.ts';
export type { NvPublic } from './structures/nv-public.ts';
export type { PcrSelection } from './structures/pcr-selection.ts';
export {
  decodePublic,
  type EccKey,
  encodePublic,
  type KeyedHash,
  objectName,
  type PublicArea,
  type RsaKey,
  type SigningScheme,
} from './structures/public.ts';
export { publicKey } from './structures/public-key.ts';
export { decodeSignature, type Signature, verifySignature } from './structures/signature.ts';
export {
  akTemplate,
  type EkType,
  ekTemplate,
  type KeyType,
  sealedTemplate,
  srkTemplate,
} from './templates.ts';
export { type CommandRequest, Tpm, type TpmOptions } from './tpm.ts';
export { readTpm2ToolsPcrFile, tpm2ToolsPcrFile } from './tpm2-tools-file.ts';
export { openDevice } from './transport/device.ts';
export { connectTcp, connectUnix, type SocketOptions } from './transport/socket.ts';
export { type SwtpmControl, swtpmControl } from './transport/swtpm-control.ts';
export type { Transport } from './transport/transport.ts';
export { QuoteError, type QuoteExpectation, verifyQuote } from './verify-quote.ts';
