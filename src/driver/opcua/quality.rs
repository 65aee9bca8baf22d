//! OPC UA status codes in the plant's words: the quality of a value, and the class of a failed request.
//!
//! Severities and codes after OPC UA Part 8 (data access, §6) and Part 4 (§7.38 common status codes). Info bits
//! (limits, overflow) do not change the quality; they are masked out before the code is compared.

use opcua::types::StatusCode;

use crate::model::{Quality, Reason};

/// The code without its info bits: what Part 4 gives a name to.
pub(super) fn bare(status: StatusCode) -> StatusCode {
    StatusCode::from(status.bits() & 0xFFFF_0000)
}

/// The quality that a value with this OPC UA status code has, info bits or not.
pub fn quality_of_code(code: u32) -> Quality {
    quality_of(StatusCode::from(code))
}

/// The quality that a value with this status has.
pub(super) fn quality_of(status: StatusCode) -> Quality {
    let code = bare(status);
    if code.is_good() {
        Quality::Good
    } else if code.is_uncertain() {
        Quality::Uncertain(uncertain_reason(code))
    } else {
        Quality::Bad(bad_reason(code))
    }
}

fn uncertain_reason(code: StatusCode) -> Reason {
    match code {
        StatusCode::UncertainLastUsableValue
        | StatusCode::UncertainNoCommunicationLastUsableValue
        | StatusCode::UncertainInitialValue => Reason::LastKnown,
        StatusCode::UncertainSensorNotAccurate | StatusCode::UncertainSensorCalibration => {
            Reason::SensorFailure
        }
        StatusCode::UncertainEngineeringUnitsExceeded => Reason::OutOfRange,
        StatusCode::UncertainSubstituteValue
        | StatusCode::UncertainSimulatedValue
        | StatusCode::UncertainTransducerInManual => Reason::OutOfService,
        StatusCode::UncertainConfigurationError => Reason::ConfigError,
        _ => Reason::Unspecified,
    }
}

fn bad_reason(code: StatusCode) -> Reason {
    match code {
        StatusCode::BadNodeIdUnknown
        | StatusCode::BadNodeIdInvalid
        | StatusCode::BadAttributeIdInvalid
        | StatusCode::BadNotReadable
        | StatusCode::BadUserAccessDenied
        | StatusCode::BadConfigurationError
        | StatusCode::BadIndexRangeInvalid
        | StatusCode::BadDataEncodingInvalid
        | StatusCode::BadDataEncodingUnsupported
        | StatusCode::BadMonitoredItemFilterUnsupported
        | StatusCode::BadMonitoredItemFilterInvalid
        | StatusCode::BadFilterNotAllowed
        | StatusCode::BadSecurityModeInsufficient
        | StatusCode::BadNotSupported
        | StatusCode::BadObjectDeleted => Reason::ConfigError,
        StatusCode::BadNotConnected | StatusCode::BadWaitingForInitialData => Reason::NotConnected,
        StatusCode::BadNoCommunication
        | StatusCode::BadCommunicationError
        | StatusCode::BadTimeout
        | StatusCode::BadRequestTimeout
        | StatusCode::BadServerNotConnected
        | StatusCode::BadResourceUnavailable => Reason::CommFailure,
        StatusCode::BadSensorFailure => Reason::SensorFailure,
        StatusCode::BadDeviceFailure => Reason::DeviceFailure,
        StatusCode::BadOutOfService => Reason::OutOfService,
        StatusCode::BadOutOfRange | StatusCode::BadNumericOverflow => Reason::OutOfRange,
        StatusCode::BadTypeMismatch => Reason::TypeMismatch,
        _ => Reason::Unspecified,
    }
}

/// Whether a failed request says that it asked for too much at once, so that a smaller one may succeed.
pub(super) fn asks_for_less(status: StatusCode) -> bool {
    matches!(
        bare(status),
        StatusCode::BadTooManyOperations
            | StatusCode::BadRequestTooLarge
            | StatusCode::BadResponseTooLarge
            | StatusCode::BadEncodingLimitsExceeded
            | StatusCode::BadTcpMessageTooLarge
            // What servers answer whose decoder gives up on a long array, though they state no limit.
            | StatusCode::BadDecodingError
    )
}

/// Whether a failed connection needs a person: credentials, certificates or security settings are wrong.
pub(super) fn needs_a_person(status: StatusCode) -> bool {
    matches!(
        bare(status),
        StatusCode::BadIdentityTokenRejected
            | StatusCode::BadIdentityTokenInvalid
            | StatusCode::BadUserAccessDenied
            | StatusCode::BadUserSignatureInvalid
            | StatusCode::BadApplicationSignatureInvalid
            | StatusCode::BadNoValidCertificates
            | StatusCode::BadSecurityChecksFailed
            | StatusCode::BadSecurityPolicyRejected
            | StatusCode::BadSecurityModeRejected
            | StatusCode::BadSecurityModeInsufficient
    ) || about_a_certificate(status)
}

/// Whether the code is one of Part 4's `Bad_Certificate…`.
pub(super) fn about_a_certificate(status: StatusCode) -> bool {
    matches!(
        bare(status),
        StatusCode::BadCertificateInvalid
            | StatusCode::BadCertificatePolicyCheckFailed
            | StatusCode::BadCertificateTimeInvalid
            | StatusCode::BadCertificateIssuerTimeInvalid
            | StatusCode::BadCertificateHostNameInvalid
            | StatusCode::BadCertificateUriInvalid
            | StatusCode::BadCertificateUseNotAllowed
            | StatusCode::BadCertificateIssuerUseNotAllowed
            | StatusCode::BadCertificateUntrusted
            | StatusCode::BadCertificateRevocationUnknown
            | StatusCode::BadCertificateIssuerRevocationUnknown
            | StatusCode::BadCertificateRevoked
            | StatusCode::BadCertificateIssuerRevoked
            | StatusCode::BadCertificateChainIncomplete
    )
}

/// What a refused node means, for the operator; `None` when the status does not speak of the configuration.
pub(super) fn refusal(status: StatusCode) -> Option<&'static str> {
    if quality_of(status) != Quality::Bad(Reason::ConfigError) {
        return None;
    }
    Some(match bare(status) {
        StatusCode::BadNodeIdUnknown | StatusCode::BadObjectDeleted => {
            "the server does not know this node"
        }
        StatusCode::BadNodeIdInvalid => "the server says this node id is malformed",
        StatusCode::BadAttributeIdInvalid => {
            "the node has no value: it is a folder or object, not a variable"
        }
        StatusCode::BadNotReadable => "the node may not be read by anybody",
        StatusCode::BadUserAccessDenied => "this user may not read the node",
        StatusCode::BadSecurityModeInsufficient => {
            "the server shows this node over an encrypted connection only"
        }
        _ => "the server refuses the node",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: StatusCode, expected: Quality) {
        assert_eq!(quality_of(status), expected, "{status}");
    }

    #[test]
    fn every_status_has_a_quality() {
        use Quality::{Bad, Good, Uncertain};
        check(StatusCode::Good, Good);
        check(StatusCode::GoodLocalOverride, Good);
        check(StatusCode::GoodClamped, Good);
        check(StatusCode::Uncertain, Uncertain(Reason::Unspecified));
        check(
            StatusCode::UncertainLastUsableValue,
            Uncertain(Reason::LastKnown),
        );
        check(
            StatusCode::UncertainNoCommunicationLastUsableValue,
            Uncertain(Reason::LastKnown),
        );
        check(
            StatusCode::UncertainSensorNotAccurate,
            Uncertain(Reason::SensorFailure),
        );
        check(
            StatusCode::UncertainEngineeringUnitsExceeded,
            Uncertain(Reason::OutOfRange),
        );
        check(
            StatusCode::UncertainSimulatedValue,
            Uncertain(Reason::OutOfService),
        );
        check(
            StatusCode::UncertainConfigurationError,
            Uncertain(Reason::ConfigError),
        );
        check(
            StatusCode::UncertainSubNormal,
            Uncertain(Reason::Unspecified),
        );
        check(StatusCode::Bad, Bad(Reason::Unspecified));
        check(StatusCode::BadNodeIdUnknown, Bad(Reason::ConfigError));
        check(StatusCode::BadNodeIdInvalid, Bad(Reason::ConfigError));
        check(StatusCode::BadAttributeIdInvalid, Bad(Reason::ConfigError));
        check(StatusCode::BadNotReadable, Bad(Reason::ConfigError));
        check(StatusCode::BadUserAccessDenied, Bad(Reason::ConfigError));
        check(StatusCode::BadNoCommunication, Bad(Reason::CommFailure));
        check(StatusCode::BadCommunicationError, Bad(Reason::CommFailure));
        check(StatusCode::BadSensorFailure, Bad(Reason::SensorFailure));
        check(StatusCode::BadDeviceFailure, Bad(Reason::DeviceFailure));
        check(StatusCode::BadOutOfService, Bad(Reason::OutOfService));
        check(StatusCode::BadNotConnected, Bad(Reason::NotConnected));
        check(
            StatusCode::BadWaitingForInitialData,
            Bad(Reason::NotConnected),
        );
        check(StatusCode::BadTypeMismatch, Bad(Reason::TypeMismatch));
        check(StatusCode::BadOutOfRange, Bad(Reason::OutOfRange));
    }

    #[test]
    fn info_bits_do_not_change_the_quality() {
        // 0x0480: data value, overflow; 0x0600: limit bits.
        check(StatusCode::from(0x0000_0480), Quality::Good);
        check(StatusCode::from(0x0000_0600), Quality::Good);
        check(
            StatusCode::from(0x808C_0480),
            Quality::Bad(Reason::SensorFailure),
        );
    }

    #[test]
    fn an_unknown_or_reserved_code_goes_by_its_severity() {
        check(
            StatusCode::from(0x8FFF_0000),
            Quality::Bad(Reason::Unspecified),
        );
        check(
            StatusCode::from(0xC000_0000),
            Quality::Bad(Reason::Unspecified),
        );
        check(
            StatusCode::from(0x4FFF_0000),
            Quality::Uncertain(Reason::Unspecified),
        );
        check(StatusCode::from(0x0FFF_0000), Quality::Good);
    }

    #[test]
    fn only_faults_a_person_can_mend_are_configuration_faults() {
        for status in [
            StatusCode::BadIdentityTokenRejected,
            StatusCode::BadUserAccessDenied,
            StatusCode::BadCertificateUntrusted,
            StatusCode::BadCertificateHostNameInvalid,
            StatusCode::BadCertificateTimeInvalid,
            StatusCode::BadSecurityChecksFailed,
            StatusCode::BadSecurityPolicyRejected,
        ] {
            assert!(needs_a_person(status), "{status}");
        }
        for status in [
            StatusCode::BadTimeout,
            StatusCode::BadCommunicationError,
            StatusCode::BadConnectionClosed,
            StatusCode::BadSessionIdInvalid,
            StatusCode::BadTooManySessions,
            StatusCode::BadServerHalted,
        ] {
            assert!(!needs_a_person(status), "{status}");
        }
    }

    #[test]
    fn limits_are_told_apart_from_faults() {
        assert!(asks_for_less(StatusCode::BadTooManyOperations));
        assert!(asks_for_less(StatusCode::BadRequestTooLarge));
        assert!(asks_for_less(StatusCode::BadResponseTooLarge));
        assert!(asks_for_less(StatusCode::BadDecodingError));
        assert!(!asks_for_less(StatusCode::BadTimeout));
    }

    #[test]
    fn only_refused_nodes_have_a_refusal() {
        assert_eq!(refusal(StatusCode::Good), None);
        assert_eq!(refusal(StatusCode::BadSensorFailure), None);
        for status in [
            StatusCode::BadNodeIdUnknown,
            StatusCode::BadNodeIdInvalid,
            StatusCode::BadAttributeIdInvalid,
            StatusCode::BadNotReadable,
            StatusCode::BadUserAccessDenied,
            StatusCode::BadSecurityModeInsufficient,
            StatusCode::BadNotSupported,
        ] {
            assert!(refusal(status).is_some(), "{status}");
        }
    }
}
