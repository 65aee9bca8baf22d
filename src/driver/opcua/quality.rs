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

    /// Every one of `statuses` has this quality.
    #[track_caller]
    fn check(expected: Quality, statuses: &[StatusCode]) {
        for status in statuses {
            assert_eq!(quality_of(*status), expected, "{status}");
        }
    }

    #[test]
    fn every_status_has_a_quality() {
        use Quality::{Bad, Good, Uncertain};
        type S = StatusCode;
        check(Good, &[S::Good, S::GoodLocalOverride, S::GoodClamped]);
        let held = [
            S::UncertainLastUsableValue,
            S::UncertainNoCommunicationLastUsableValue,
            S::UncertainInitialValue,
        ];
        check(Uncertain(Reason::LastKnown), &held);
        let inaccurate = [S::UncertainSensorNotAccurate, S::UncertainSensorCalibration];
        check(Uncertain(Reason::SensorFailure), &inaccurate);
        let exceeded = [S::UncertainEngineeringUnitsExceeded];
        check(Uncertain(Reason::OutOfRange), &exceeded);
        let replaced = [
            S::UncertainSubstituteValue,
            S::UncertainSimulatedValue,
            S::UncertainTransducerInManual,
        ];
        check(Uncertain(Reason::OutOfService), &replaced);
        let config = [S::UncertainConfigurationError];
        check(Uncertain(Reason::ConfigError), &config);
        let other = [S::Uncertain, S::UncertainSubNormal];
        check(Uncertain(Reason::Unspecified), &other);

        let config = [
            S::BadNodeIdUnknown,
            S::BadNodeIdInvalid,
            S::BadAttributeIdInvalid,
            S::BadNotReadable,
            S::BadUserAccessDenied,
            S::BadConfigurationError,
            S::BadIndexRangeInvalid,
            S::BadDataEncodingInvalid,
            S::BadDataEncodingUnsupported,
            S::BadMonitoredItemFilterUnsupported,
            S::BadMonitoredItemFilterInvalid,
            S::BadFilterNotAllowed,
            S::BadSecurityModeInsufficient,
            S::BadNotSupported,
            S::BadObjectDeleted,
        ];
        check(Bad(Reason::ConfigError), &config);
        let waiting = [S::BadNotConnected, S::BadWaitingForInitialData];
        check(Bad(Reason::NotConnected), &waiting);
        let silent = [
            S::BadNoCommunication,
            S::BadCommunicationError,
            S::BadTimeout,
            S::BadRequestTimeout,
            S::BadServerNotConnected,
            S::BadResourceUnavailable,
        ];
        check(Bad(Reason::CommFailure), &silent);
        check(Bad(Reason::SensorFailure), &[S::BadSensorFailure]);
        check(Bad(Reason::DeviceFailure), &[S::BadDeviceFailure]);
        check(Bad(Reason::OutOfService), &[S::BadOutOfService]);
        let range = [S::BadOutOfRange, S::BadNumericOverflow];
        check(Bad(Reason::OutOfRange), &range);
        check(Bad(Reason::TypeMismatch), &[S::BadTypeMismatch]);
        check(
            Bad(Reason::Unspecified),
            &[S::Bad, S::BadDeadbandFilterInvalid],
        );
    }

    #[test]
    fn info_bits_do_not_change_the_quality() {
        // 0x0480: data value, overflow; 0x0600: limit bits.
        let good = [0x0000_0480, 0x0000_0600].map(StatusCode::from);
        check(Quality::Good, &good);
        let failed = Quality::Bad(Reason::SensorFailure);
        check(failed, &[StatusCode::from(0x808C_0480)]);
        assert_eq!(quality_of_code(0x808C_0480), failed);
    }

    #[test]
    fn an_unknown_or_reserved_code_goes_by_its_severity() {
        let bad = [0x8FFF_0000, 0xC000_0000].map(StatusCode::from);
        check(Quality::Bad(Reason::Unspecified), &bad);
        let uncertain = Quality::Uncertain(Reason::Unspecified);
        check(uncertain, &[StatusCode::from(0x4FFF_0000)]);
        check(Quality::Good, &[StatusCode::from(0x0FFF_0000)]);
    }

    #[test]
    fn only_faults_a_person_can_mend_are_configuration_faults() {
        for status in [
            StatusCode::BadIdentityTokenRejected,
            StatusCode::BadIdentityTokenInvalid,
            StatusCode::BadUserAccessDenied,
            StatusCode::BadUserSignatureInvalid,
            StatusCode::BadApplicationSignatureInvalid,
            StatusCode::BadNoValidCertificates,
            StatusCode::BadSecurityChecksFailed,
            StatusCode::BadSecurityPolicyRejected,
            StatusCode::BadSecurityModeRejected,
            StatusCode::BadSecurityModeInsufficient,
        ] {
            assert!(needs_a_person(status), "{status}");
            assert!(!about_a_certificate(status), "{status}");
        }
        // Part 6 numbers most of its `Bad_Certificate…` in one row, and three elsewhere.
        for code in (0x8014_u32..=0x801E).chain([0x8012, 0x810D, 0x8114]) {
            let status = StatusCode::from(code << 16);
            assert!(about_a_certificate(status), "{status}");
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
