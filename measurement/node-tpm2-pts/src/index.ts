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
export { attestationKeyProblem, type KeyProblem } from './attestation-key-check.ts';
export {
  type Authorization,
  type ProtectedCommand,
  password,
  policySession,
  type SessionProtection,
  type SessionResponse,
} from './authorization.ts';
export { Reader } from './codec/reader.ts';
export { Writer } from './codec/writer.ts';
export { COMMAND_CODES, type CommandName } from './command-codes.ts';
export {
  type Attestation,
  type CertifyOptions,
  certify,
  createAk,
  getTime,
  nvCertify,
  type Quote,
  quote,
} from './commands/attestation.ts';
export { handles, pcrBanks, tpmProperties } from './commands/capability.ts';
export { readClock } from './commands/clock.ts';
export { flushContext } from './commands/context.ts';
export { type ActivateOptions, activateCredential } from './commands/credential.ts';
export { closePlatformHierarchy } from './commands/hierarchy.ts';
export {
  type NvAccess,
  nvChangeAuth,
  nvDefine,
  nvExtend,
  nvIncrement,
  nvRead,
  nvReadName,
  nvReadPublic,
  nvUndefine,
  nvWrite,
  nvWriteLock,
} from './commands/nv.ts';
export {
  type CreateOptions,
  create,
  createPrimary,
  evictControl,
  type LoadedObject,
  load,
  loadExternal,
  readPublic,
  unsealObject,
  type WrappedObject,
} from './commands/object.ts';
export {
  type Digests,
  type PcrValues,
  pcrAllocate,
  pcrExtend,
  pcrRead,
  pcrReset,
} from './commands/pcr.ts';
export {
  type Approval,
  policyAuthorize,
  policyAuthValue,
  policyCommandCode,
  policyGetDigest,
  policyNv,
  policyOr,
  policyPcr,
  policySecret,
} from './commands/policy.ts';
export { getRandom } from './commands/random.ts';
export { getTestResult, selfTest, type TestResult } from './commands/self-test.ts';
export {
  type SaltKey,
  startHmacSession,
  startPolicySession,
  startUnsaltedSession,
  withHmacSession,
  withPolicySession,
} from './commands/session.ts';
export { type SignOptions, sign, signatureTicket } from './commands/signing.ts';
export { type StartupType, shutdown, startup } from './commands/startup.ts';
export {
  TPM_PT,
  TPM_RH,
  TPMA_NV,
  TPMA_OBJECT,
  TPMA_PERMANENT,
  TPMA_STARTUP_CLEAR,
} from './constants.ts';
export { readEkCertificate } from './ek-certificate.ts';
export {
  Tpm2Error,
  TpmAnswerError,
  TpmError,
  TpmFormatError,
  TpmSessionError,
  TpmTransportError,
  TpmUnsupportedError,
} from './errors.ts';
export { HmacSession, type ParameterEncryption, type SessionStart } from './hmac-session.ts';
export { kdfA, kdfE } from './kdf.ts';
export { type Credential, makeCredential } from './make-credential.ts';
export {
  approvalDigest,
  authorizePolicyDigest,
  authValuePolicyDigest,
  commandCodePolicyDigest,
  type NvComparison,
  type NvOperation,
  nvPolicyDigest,
  orPolicyDigest,
  type PolicyStart,
  pcrDigest,
  pcrPolicyDigest,
  secretPolicyDigest,
  selectionOf,
} from './policy-digest.ts';
export { decodeResponseCode, type ResponseCode } from './response-codes.ts';
export { type SessionOption, seal, unseal } from './sealing.ts';
export {
  type Attest,
  type AttestHeader,
  type CertifyAttest,
  type ClockInfo,
  decodeAttest,
  decodeQuote,
  type QuoteAttest,
  type TimeInfo,
} from './structures/attest.ts';
export { type NvPublic, nvName } from './structures/nv-public.ts';
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
export {
  decodeSignature,
  encodeSignature,
  type Signature,
  verifySignature,
} from './structures/signature.ts';
export type { Ticket } from './structures/ticket.ts';
export {
  akTemplate,
  type EkType,
  ekTemplate,
  type KeyType,
  policyAkTemplate,
  sealedTemplate,
  srkTemplate,
} from './templates.ts';
export { type CommandRequest, Tpm, type TpmOptions } from './tpm.ts';
export { pcrFile, readTpm2ToolsPcrFile, tpm2ToolsPcrFile } from './tpm2-tools-file.ts';
export { openDevice, type TpmDeviceOptions } from './transport/device.ts';
export { isLate } from './transport/late.ts';
export { connectTcp, connectUnix, type SocketOptions } from './transport/socket.ts';
export { type SwtpmControl, swtpmControl } from './transport/swtpm-control.ts';
export type { Transport } from './transport/transport.ts';
export {
  CertifyError,
  type CertifyExpectation,
  type PlacedKey,
  verifyCertify,
} from './verify-certify.ts';
export { QuoteError, type QuoteExpectation, verifyQuote } from './verify-quote.ts';
