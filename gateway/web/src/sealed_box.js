// A few bytes for one X25519 key: HPKE base mode (RFC 9180) with the suite of messages. info: bytes that
// both sides know, to which it is bound.

import { AEAD_ChaCha20Poly1305, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "@panva/hpke-noble";
import { CipherSuite } from "hpke";
import { concat } from "./bytes.js";
import { Refused } from "./errors.js";

const KEY_LEN = 32;
const hpke = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305);

// to: a public key. Throws Refused "damaged" if it is none.
export async function sealBox(to, plain, info) {
  try {
    const { encapsulatedSecret, ciphertext } = await hpke.Seal(await hpke.DeserializePublicKey(to), plain, { info });
    return concat(encapsulatedSecret, ciphertext);
  } catch (e) {
    throw new Refused("damaged", `no key: ${e.message}`);
  }
}

// seed: the private key. Throws Refused "not-for-us".
export async function openBox(seed, box, info) {
  try {
    const key = await hpke.DeserializePrivateKey(seed);
    return await hpke.Open(key, box.subarray(0, KEY_LEN), box.subarray(KEY_LEN), { info });
  } catch (e) {
    throw new Refused("not-for-us", "not sealed for this device, or altered");
  }
}
