// dhtpeer is an OpenDHT node that a test drives. The Go package protocol beside
// it describes the requests, replies and events.

#include <opendht.h>

#include <arpa/inet.h>
#include <json/json.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Listens = std::map<Json::UInt64, std::pair<dht::InfoHash, std::shared_future<size_t>>>;
using Values = std::vector<std::shared_ptr<dht::Value>>;

void print(const Json::Value& object)
{
    static std::mutex mutex;
    static const Json::StreamWriterBuilder builder = [] {
        Json::StreamWriterBuilder b;
        b["indentation"] = "";
        return b;
    }();
    const auto line = Json::writeString(builder, object);
    std::lock_guard<std::mutex> lock(mutex);
    std::cout << line << std::endl;
}

std::string hex(const dht::Blob& bytes)
{
    static const char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (auto b : bytes) {
        text += digits[b >> 4];
        text += digits[b & 15];
    }
    return text;
}

dht::Blob unhex(const std::string& text)
{
    if (text.size() % 2)
        throw std::invalid_argument("odd number of hex digits");
    dht::Blob bytes;
    bytes.reserve(text.size() / 2);
    for (size_t i = 0; i < text.size(); i += 2)
        bytes.push_back(std::stoul(text.substr(i, 2), nullptr, 16));
    return bytes;
}

dht::InfoHash hash(const Json::Value& text)
{
    dht::InfoHash h(text.asString());
    if (not h)
        throw std::invalid_argument("not a hash: " + text.asString());
    return h;
}

std::string readFile(const std::string& name)
{
    std::ifstream file(name);
    std::stringstream text;
    if (not(text << file.rdbuf()))
        throw std::runtime_error("cannot read " + name);
    return text.str();
}

dht::Value parseValue(const Json::Value& v)
{
    dht::Value value(v["type"].asUInt(), unhex(v["data"].asString()), v["id"].asUInt64());
    value.user_type = v["utype"].asString();
    return value;
}

Json::Value describe(const dht::Value& value)
{
    Json::Value v;
    v["id"] = Json::UInt64(value.id);
    v["type"] = value.type;
    v["utype"] = value.user_type;
    v["data"] = hex(value.data);
    v["seq"] = value.seq;
    if (value.owner)
        v["owner"] = value.owner->getId().toString();
    if (value.recipient)
        v["to"] = value.recipient.toString();
    v["signed"] = value.isSigned();
    v["encrypted"] = value.isEncrypted();
    return v;
}

Json::Value describe(const Values& values)
{
    Json::Value list(Json::arrayValue);
    for (const auto& value : values)
        list.append(describe(*value));
    return list;
}

class Peer
{
public:
    Peer(in_port_t port, dht::NetId network, const std::string& identity, const std::string& bootstrap)
    {
        dht::DhtRunner::Config config;
        config.dht_config.node_config.network = network;
        if (not identity.empty()) {
            config.dht_config.id = {std::make_shared<dht::crypto::PrivateKey>(readFile(identity + ".key")),
                                    std::make_shared<dht::crypto::Certificate>(readFile(identity + ".crt"))};
        }
        node_.setOnStatusChanged([this](dht::NodeStatus v4, dht::NodeStatus v6) {
            connected_ = std::max(v4, v6) == dht::NodeStatus::Connected;
        });
        node_.run(port, config);
        if (not bootstrap.empty())
            node_.bootstrap(bootstrap);
    }

    void handle(const Json::Value& request);
    Json::Value stats() const;

    void stop()
    {
        std::promise<void> done;
        node_.shutdown([&] { done.set_value(); });
        done.get_future().wait_for(std::chrono::seconds(3));
        node_.join();
    }

private:
    void put(const Json::Value& request);
    void get(const Json::Value& request);
    void query(const Json::Value& request);
    void listen(const Json::Value& request);
    void cancelListen(const Json::Value& request);
    void certificate(const Json::Value& request);

    // Returns the function that answers a request whose outcome is known later.
    static dht::DoneCallbackSimple answer(const Json::Value& request, Json::Value result = Json::objectValue)
    {
        result["tag"] = request["tag"];
        return [result](bool ok) mutable {
            if (not ok)
                result["error"] = "failed";
            print(result);
        };
    }

    std::atomic_bool connected_ {false};
    dht::DhtRunner node_;
    Listens listens_;
};

void Peer::handle(const Json::Value& request)
{
    const auto op = request["op"].asString();
    if (op == "put") {
        put(request);
    } else if (op == "get") {
        get(request);
    } else if (op == "query") {
        query(request);
    } else if (op == "listen") {
        listen(request);
    } else if (op == "cancel-listen") {
        cancelListen(request);
    } else if (op == "certificate") {
        certificate(request);
    } else if (op == "ping") {
        const auto addresses = dht::SockAddr::resolve(request["host"].asString(), request["port"].asString());
        if (addresses.empty())
            throw std::invalid_argument("no address");
        node_.bootstrap(addresses.front(), answer(request));
    } else if (op == "stats") {
        answer(request, stats())(true);
    } else {
        throw std::invalid_argument("unknown op " + op);
    }
}

void Peer::put(const Json::Value& request)
{
    const auto key = hash(request["key"]);
    const auto kind = request["kind"].asString();
    const bool permanent = request["permanent"].asBool();
    auto value = std::make_shared<dht::Value>(parseValue(request["value"]));
    // The node chooses the id and counts seq: report what it made of the value.
    auto done = [request, value](bool ok) {
        Json::Value result;
        result["values"].append(describe(*value));
        answer(request, result)(ok);
    };
    if (kind == "signed") {
        node_.putSigned(key, value, done, permanent);
    } else if (kind == "encrypted") {
        node_.putEncrypted(key, hash(request["to"]), value, done, permanent);
    } else {
        auto created = dht::time_point::max();
        if (request.isMember("age"))
            created = dht::clock::now() - std::chrono::seconds(request["age"].asInt64());
        node_.put(key, value, done, created, permanent);
    }
}

void Peer::get(const Json::Value& request)
{
    auto found = std::make_shared<Values>();
    node_.get(
        hash(request["key"]),
        [found](const Values& values) {
            found->insert(found->end(), values.begin(), values.end());
            return true;
        },
        [request, found](bool ok) {
            Json::Value result;
            result["values"] = describe(*found);
            answer(request, result)(ok);
        },
        {},
        dht::Where(request["query"].asString()));
}

void Peer::query(const Json::Value& request)
{
    auto found = std::make_shared<Json::Value>(Json::arrayValue);
    node_.query(
        hash(request["key"]),
        [found](const std::vector<std::shared_ptr<dht::FieldValueIndex>>& answers) {
            for (const auto& fields : answers) {
                Json::Value v;
                for (const auto& [field, value] : fields->index) {
                    switch (field) {
                    case dht::Value::Field::Id: v["id"] = Json::UInt64(value.getInt()); break;
                    case dht::Value::Field::ValueType: v["type"] = Json::UInt64(value.getInt()); break;
                    case dht::Value::Field::OwnerPk: v["owner"] = value.getHash().toString(); break;
                    case dht::Value::Field::SeqNum: v["seq"] = Json::UInt64(value.getInt()); break;
                    case dht::Value::Field::UserType: {
                        const auto text = value.getBlob();
                        v["utype"] = std::string(text.begin(), text.end());
                        break;
                    }
                    default: break;
                    }
                }
                found->append(v);
            }
            return true;
        },
        [request, found](bool ok) {
            Json::Value result;
            result["values"] = *found;
            answer(request, result)(ok);
        },
        dht::Query(request["query"].asString()));
}

void Peer::listen(const Json::Value& request)
{
    const auto key = hash(request["key"]);
    const auto tag = request["tag"];
    auto token = node_.listen(
        key,
        [tag](const Values& values, bool expired) {
            Json::Value event;
            event["tag"] = tag;
            event["event"] = expired ? "expired" : "values";
            event["values"] = describe(values);
            print(event);
            return true;
        },
        {},
        dht::Where(request["query"].asString()));
    listens_[tag.asUInt64()] = {key, token.share()};
    answer(request)(true);
}

void Peer::cancelListen(const Json::Value& request)
{
    const auto listen = listens_.find(request["listen"].asUInt64());
    if (listen == listens_.end())
        throw std::invalid_argument("no such listen");
    node_.cancelListen(listen->second.first, listen->second.second);
    listens_.erase(listen);
    answer(request)(true);
}

void Peer::certificate(const Json::Value& request)
{
    node_.findCertificate(hash(request["key"]), [request](const std::shared_ptr<dht::crypto::Certificate>& found) {
        Json::Value result;
        result["found"] = bool(found);
        answer(request, result)(bool(found));
    });
}

Json::Value Peer::stats() const
{
    Json::Value result;
    result["node"] = node_.getNodeId().toString();
    if (const auto id = node_.getId())
        result["id"] = id.toString();
    result["port"] = node_.getBoundPort();
    const auto v4 = node_.getNodesStats(AF_INET), v6 = node_.getNodesStats(AF_INET6);
    result["connected"] = connected_.load();
    result["good4"] = v4.good_nodes;
    result["good6"] = v6.good_nodes;
    result["stored"] = Json::UInt64(node_.getStoreSize().second);
    return result;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 5) {
        std::cerr << "usage: dhtpeer PORT NETWORK IDENTITY BOOTSTRAP\n";
        return 2;
    }
    try {
        Peer peer(std::stoul(argv[1]), std::stoul(argv[2]), argv[3], argv[4]);
        auto ready = peer.stats();
        ready["event"] = "ready";
        print(ready);

        std::string line;
        while (std::getline(std::cin, line)) {
            Json::Value request;
            try {
                std::stringstream(line) >> request;
                peer.handle(request);
            } catch (const std::exception& e) {
                Json::Value result;
                result["tag"] = request.isObject() ? request["tag"] : Json::Value();
                result["error"] = e.what();
                print(result);
            }
        }
        peer.stop();
    } catch (const std::exception& e) {
        std::cerr << e.what() << std::endl;
        return 1;
    }
}
