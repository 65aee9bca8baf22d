//! Node addresses as people write them, `nsu=URI;s=…` or `ns=2;i=…`, and their resolution against the namespace
//! table of one session. Pure. An index is never kept beyond the session that it was resolved in.

use std::str::FromStr;

use opcua::types::{NodeId, Variant};

/// A parsed node address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeAddress {
    namespace: Namespace,
    /// The node with namespace 0; the real index comes from resolution.
    node: NodeId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Namespace {
    Index(u16),
    Uri(String),
}

/// The namespace table of one session: URIs by index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Namespaces(Vec<String>);

impl Namespaces {
    /// From the value of `Server_NamespaceArray`; `None` when it is not an array of strings.
    pub(super) fn from_variant(value: Option<&Variant>) -> Option<Self> {
        let Some(Variant::Array(array)) = value else {
            return None;
        };
        let uri = |v: &Variant| match v {
            Variant::String(s) => Some(s.as_ref().to_owned()),
            _ => None,
        };
        array
            .values
            .iter()
            .map(uri)
            .collect::<Option<_>>()
            .map(Self)
    }

    fn index_of(&self, uri: &str) -> Option<u16> {
        let index = self.0.iter().position(|known| known == uri)?;
        u16::try_from(index).ok()
    }

    /// The address of `node` that survives a restart of the server: with the URI where the table has one.
    pub(super) fn address_of(&self, node: &NodeId) -> String {
        let identifier = &node.identifier;
        match self.0.get(usize::from(node.namespace)) {
            _ if node.namespace == 0 => identifier.to_string(),
            Some(uri) if !uri.is_empty() && !uri.contains(';') => {
                format!("nsu={uri};{identifier}")
            }
            _ => format!("ns={};{identifier}", node.namespace),
        }
    }
}

impl NodeAddress {
    /// Parses `nsu=URI;X`, `ns=N;X` or `X`, where `X` is `i=`, `s=`, `g=` or `b=` and the identifier.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (namespace, identifier) = if let Some(rest) = text.strip_prefix("nsu=") {
            let (uri, identifier) = rest
                .split_once(';')
                .ok_or_else(|| format!("`{text}` has no `;` after the namespace URI"))?;
            (Namespace::Uri(uri.to_owned()), identifier)
        } else if let Some(rest) = text.strip_prefix("ns=") {
            let (index, identifier) = rest
                .split_once(';')
                .ok_or_else(|| format!("`{text}` has no `;` after the namespace index"))?;
            let index = index
                .parse()
                .map_err(|_error| format!("`{index}` in `{text}` is not a namespace index"))?;
            (Namespace::Index(index), identifier)
        } else {
            (Namespace::Index(0), text)
        };
        if namespace == Namespace::Uri(String::new()) {
            return Err(format!("`{text}` has an empty namespace URI"));
        }
        let wanted = ["i=", "s=", "g=", "b="];
        let node = Some(identifier)
            .filter(|id| wanted.iter().any(|kind| id.starts_with(kind)))
            .and_then(|id| NodeId::from_str(id).ok())
            .ok_or_else(|| {
                format!("`{text}` does not end in `i=NUMBER`, `s=TEXT`, `g=GUID` or `b=BASE64`")
            })?;
        Ok(Self { namespace, node })
    }

    /// The node id in a session with this namespace table.
    pub(super) fn resolve(&self, namespaces: &Namespaces) -> Result<NodeId, String> {
        let index = match &self.namespace {
            Namespace::Index(index) => *index,
            Namespace::Uri(uri) => namespaces.index_of(uri).ok_or_else(|| {
                format!(
                    "the server has no namespace `{uri}`; it has: {}",
                    namespaces.0.join(", ")
                )
            })?,
        };
        Ok(NodeId {
            namespace: index,
            ..self.node.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use opcua::types::{Array, VariantScalarTypeId};
    use proptest::prelude::*;

    use super::*;

    fn table(uris: &[&str]) -> Namespaces {
        Namespaces(uris.iter().map(|s| (*s).to_owned()).collect())
    }

    #[track_caller]
    fn check(text: &str, expected: impl Into<Option<NodeId>>) {
        let namespaces = table(&["http://opcfoundation.org/UA/", "urn:server", "urn:plant"]);
        let found = NodeAddress::parse(text).and_then(|a| a.resolve(&namespaces));
        assert_eq!(found.ok(), expected.into(), "{text}");
    }

    #[test]
    fn addresses_resolve_to_node_ids() {
        check(
            "nsu=urn:plant;s=press1.temp",
            Some(NodeId::new(2, "press1.temp")),
        );
        check("nsu=urn:plant;s=a;b=c", Some(NodeId::new(2, "a;b=c")));
        check("nsu=urn:server;i=7", Some(NodeId::new(1, 7_u32)));
        check("ns=5;s=x", Some(NodeId::new(5, "x")));
        check("ns=2;i=1001", Some(NodeId::new(2, 1001_u32)));
        check("i=2258", Some(NodeId::new(0, 2258_u32)));
        check(
            "ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
            NodeId::from_str("ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63").ok(),
        );
        check("nsu=urn:other;s=x", None);
        check("nsu=;s=x", None);
        check("nsu=urn:plant", None);
        check("ns=2", None);
        check("ns=70000;i=1", None);
        check("ns=2;i=-1", None);
        check("ns=2;x=1", None);
        check("ns=2;ns=3;i=1", None);
        check("", None);
        check("press1.temp", None);
    }

    #[test]
    fn a_new_index_for_the_same_uri_is_followed() {
        let address = NodeAddress::parse("nsu=urn:plant;s=x").unwrap();
        assert_eq!(
            address.resolve(&table(&["", "urn:plant"])),
            Ok(NodeId::new(1, "x"))
        );
        assert_eq!(
            address.resolve(&table(&["", "urn:new", "urn:plant"])),
            Ok(NodeId::new(2, "x"))
        );
    }

    #[test]
    fn a_missing_namespace_is_named_with_those_that_exist() {
        let address = NodeAddress::parse("nsu=urn:plnat;s=x").unwrap();
        assert_eq!(
            address.resolve(&table(&["urn:a", "urn:plant"])),
            Err("the server has no namespace `urn:plnat`; it has: urn:a, urn:plant".to_owned())
        );
    }

    #[test]
    fn addresses_are_written_with_the_uri_where_there_is_one() {
        let namespaces = table(&["ua", "urn:server", "urn:odd;one"]);
        let written = |node: NodeId| namespaces.address_of(&node);
        assert_eq!(written(NodeId::new(1, "x")), "nsu=urn:server;s=x");
        assert_eq!(written(NodeId::new(0, 85_u32)), "i=85");
        assert_eq!(written(NodeId::new(2, 3_u32)), "ns=2;i=3");
        assert_eq!(written(NodeId::new(9, 3_u32)), "ns=9;i=3");
    }

    #[test]
    fn the_namespace_array_must_hold_strings() {
        let array = |values| {
            Variant::Array(Box::new(
                Array::new(VariantScalarTypeId::String, values).unwrap(),
            ))
        };
        let good = array(vec![Variant::from("a"), Variant::from("b")]);
        assert_eq!(
            Namespaces::from_variant(Some(&good)),
            Some(table(&["a", "b"]))
        );
        let numbers = Variant::from(vec![1_i32, 2]);
        assert_eq!(Namespaces::from_variant(Some(&numbers)), None);
        assert_eq!(Namespaces::from_variant(Some(&Variant::from(1_i32))), None);
        assert_eq!(Namespaces::from_variant(None), None);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_panic(text in ".*") {
            drop(NodeAddress::parse(&text));
        }

        #[test]
        fn a_written_address_resolves_to_the_same_node(ns in 0_u16..4, id in "[ -~]{1,40}") {
            let namespaces = table(&["ua", "urn:server", "urn:plant"]);
            let node = NodeId::new(ns, id);
            let again = NodeAddress::parse(&namespaces.address_of(&node))
                .and_then(|a| a.resolve(&namespaces));
            prop_assert_eq!(again, Ok(node));
        }
    }
}
